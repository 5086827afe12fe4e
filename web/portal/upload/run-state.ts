import type { FieldProblem } from '../../../shared/contract/problems.ts'
import type { Obstacle } from './problems.ts'

export type UploaderState =
  /** Nothing is sent before `start`. */
  'collecting' | 'running' | 'paused'

/** Whether files are sent, and what keeps them from it. */
export class RunState {
  state: UploaderState = 'collecting'
  /** What made it pause by itself. */
  obstacle: Obstacle | undefined
  /** What the server said about the client's details; nothing is sent until they are mended. */
  fieldProblems: FieldProblem[] = []
  /** Why nothing more is announced; told once what is announced already has been sent. */
  refusal: unknown

  /** With nothing in the way. */
  be(state: UploaderState): void {
    this.state = state
    this.obstacle = undefined
    this.refusal = undefined
  }
}
