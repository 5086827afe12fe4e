import { type ReactNode, useId } from 'react'

/** A group of settings under a heading of its own. */
export function FormSection({
  title,
  lead,
  children,
}: {
  title: string
  lead?: string
  children: ReactNode
}) {
  const id = useId()
  return (
    <section className="card form-section" aria-labelledby={id}>
      <h2 className="card-title" id={id}>
        {title}
      </h2>
      {lead !== undefined && <p className="card-advice">{lead}</p>}
      <div className="form-fields">{children}</div>
    </section>
  )
}
