import { tendAccount } from '../../shared/accounts/tend-account.ts'
import { accountMessage } from '../../shared/contract/messages.ts'
import { environmentKeeper } from '../../shared/deliveries/environment.ts'
import { queueHandler } from '../../shared/platform/wakers.ts'

const deps = environmentKeeper()

export const handler = queueHandler(accountMessage, ({ accountId }, { deadlineMs }) =>
  tendAccount(deps, accountId, deadlineMs),
)
