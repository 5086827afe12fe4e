import { scheduleHandler } from '../../shared/platform/wakers.ts'
import { environmentSweep } from '../../shared/schedule/environment.ts'
import { sweepDue } from '../../shared/schedule/sweep-due.ts'

const deps = environmentSweep()

export const handler = scheduleHandler(async () => ({ asked: await sweepDue(deps) }))
