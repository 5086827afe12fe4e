/**
 * Every function: its handler file, size and time. `infra/build.ts` bundles from this table and
 * `service-stack.ts` deploys from it, so a function cannot exist in one of them only.
 */

interface FunctionSpec {
  /** Path from the root of the repository; exports `handler`. */
  handler: string
  memoryMb: number
  timeoutSeconds: number
}

/** Under the 30 s after which an HTTP API gives up: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const API = { memoryMb: 512, timeoutSeconds: 28 }

/** Queue visibility (`work-queue.ts`) must stay above it. */
const WORKER_TIMEOUT_SECONDS = 300

export const FUNCTIONS = {
  auth: { handler: 'functions/api/auth.ts', ...API },
  connect: { handler: 'functions/api/connect.ts', ...API },
  accounts: { handler: 'functions/api/accounts.ts', ...API },
  portals: { handler: 'functions/api/portals.ts', ...API },
  uploads: { handler: 'functions/api/uploads.ts', ...API },
  events: { handler: 'functions/api/events.ts', ...API },
  settings: { handler: 'functions/api/settings.ts', ...API },
  'public-portals': { handler: 'functions/api/public-portals.ts', ...API },
  'client-uploads': { handler: 'functions/api/client-uploads.ts', ...API },
  'take-in-upload': {
    handler: 'functions/queue/take-in-upload.ts',
    memoryMb: 512,
    timeoutSeconds: WORKER_TIMEOUT_SECONDS,
  },
  'deliver-small': {
    handler: 'functions/queue/deliver-file.ts',
    memoryMb: 512,
    timeoutSeconds: WORKER_TIMEOUT_SECONDS,
  },
  // 1,769 MB is where Lambda gives one whole vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
  'deliver-large': {
    handler: 'functions/queue/deliver-file.ts',
    memoryMb: 1769,
    timeoutSeconds: WORKER_TIMEOUT_SECONDS,
  },
  'restage-download': {
    handler: 'functions/queue/restage-download.ts',
    memoryMb: 1024,
    timeoutSeconds: WORKER_TIMEOUT_SECONDS,
  },
  'tend-account': {
    handler: 'functions/queue/tend-account.ts',
    memoryMb: 512,
    timeoutSeconds: WORKER_TIMEOUT_SECONDS,
  },
  // Ends before the next minute's run begins.
  'sweep-due': { handler: 'functions/schedule/sweep-due.ts', memoryMb: 256, timeoutSeconds: 55 },
} as const satisfies Record<string, FunctionSpec>

export type FunctionName = keyof typeof FUNCTIONS

export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[]
