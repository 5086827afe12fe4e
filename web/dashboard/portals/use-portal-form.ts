import { useForm } from '@mantine/form'
import { formProblems, type PortalFormValues } from './portal-form.ts'
import { slugProblem } from './suggest-slug.ts'

export type PortalForm = ReturnType<typeof usePortalForm>

/** `presentSlug` is a link that exists, so it is right as it is. */
export function usePortalForm(initialValues: PortalFormValues, presentSlug: string | undefined) {
  return useForm({
    initialValues,
    validate: (values: PortalFormValues): Record<string, string> => {
      const slug = values.slug === presentSlug ? null : slugProblem(values.slug)
      return { ...(slug === null ? {} : { slug }), ...formProblems(values) }
    },
  })
}
