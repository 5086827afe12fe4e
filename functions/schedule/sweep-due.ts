import { environmentSweep } from '../../shared/deliveries/environment.ts'
import { sweepDue } from '../../shared/deliveries/sweep-due.ts'
import { scheduleHandler } from '../../shared/platform/wakers.ts'

const deps = environmentSweep()

export const handler = scheduleHandler(async () => ({ asked: await sweepDue(deps) }))
