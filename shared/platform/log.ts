import { Logger } from '@aws-lambda-powertools/logger'

/** One logger per environment; ids are members of an entry, never part of its message. */
export const log = new Logger({ serviceName: 'portage' })
