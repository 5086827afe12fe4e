/** Something in a synthesized template that the local cloud cannot run exactly as AWS would. */
export class TemplateError extends Error {
  override name = 'TemplateError' as const
  readonly stackName: string
  /** Logical id of the resource, or the place in the template (`Outputs.Url`). */
  readonly place: string

  constructor(stackName: string, place: string, problem: string) {
    super(`stack ${stackName}, ${place}: ${problem}`)
    this.stackName = stackName
    this.place = place
  }
}

/** Makes the errors of one resource. */
export function failureOf(resource: {
  stackName: string
  logicalId: string
}): (problem: string) => TemplateError {
  return (problem) => new TemplateError(resource.stackName, resource.logicalId, problem)
}
