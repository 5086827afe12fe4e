import type { LocalControl, QueueStatus } from './edge/control-routes.ts'
import type { CloudEngines } from './provision/cloud-engines.ts'

/** What can be asked only of a cloud that runs. */
type Started = Omit<LocalControl, 'status'>

/** The control of a cloud that is still starting: only its status can be asked until the rest is there. */
export class LateControl implements LocalControl {
  readonly status: LocalControl['status']
  #started: Started | undefined

  constructor(status: LocalControl['status']) {
    this.status = status
  }

  hasStarted(started: Started): void {
    this.#started = started
  }

  queues = () => this.#control().queues()
  schedules = () => this.#control().schedules()
  runSchedule = (name: string) => this.#control().runSchedule(name)
  advanceClock = (seconds: number) => this.#control().advanceClock(seconds)

  #control(): Started {
    if (this.#started === undefined) throw new Error('the local cloud is starting')
    return this.#started
  }
}

export function queueStatus(stats: ReturnType<CloudEngines['sqs']['stats']>[number]): QueueStatus {
  return {
    name: stats.name,
    visible: stats.available,
    inFlight: stats.inFlight,
    delayed: stats.delayed,
  }
}
