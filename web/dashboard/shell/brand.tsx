import markUrl from '../portage.svg'

export function Brand() {
  return (
    <span className="brand">
      <img src={markUrl} alt="" width={30} height={30} />
      Portage
    </span>
  )
}
