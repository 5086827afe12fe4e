/**
 * Loaded before the runtime interface client in every Lambda environment. CommonJS JavaScript,
 * because stripping types would be paid for at each cold start.
 *
 * - Stands in for `rapid-client.node`, which aws-lambda-ric 4.0.2 would have to compile: `next`,
 *   `done` and `error` speak the Runtime API over HTTP.
 *   https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 * - Shifts `Date` by the local cloud's clock, which arrives anew with each invocation.
 *   Known gap: timers, `performance` and file times keep the machine's time.
 */
'use strict'

const Module = require('node:module')
const http = require('node:http')

const CLOCK_OFFSET_VARIABLE = '_LAMBDA_CLOCK_OFFSET_MS'
const CLOCK_OFFSET_HEADER = 'lambda-runtime-clock-offset-ms'

let offsetMs = Number(process.env[CLOCK_OFFSET_VARIABLE] ?? 0)
delete process.env[CLOCK_OFFSET_VARIABLE]

const RealDate = Date
const realNow = Date.now.bind(Date)
RealDate.now = () => realNow() + offsetMs
const ShiftedDate = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [target.now()] : args, newTarget),
  apply: (target) => new target(target.now()).toString(),
})
// `date.constructor === Date` and `instanceof` hold as before.
RealDate.prototype.constructor = ShiftedDate
globalThis.Date = ShiftedDate

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { hostname, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers },
      (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({ bodyJson: Buffer.concat(chunks).toString(), headers: response.headers })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

// The native client's `done` blocks until the answer is sent; here the next `next` waits for it.
let sent = Promise.resolve()

const rapidClient = {
  async next() {
    await sent
    const invocation = await call('GET', 'invocation/next')
    offsetMs = Number(invocation.headers[CLOCK_OFFSET_HEADER] ?? 0)
    return invocation
  },
  done(requestId, body) {
    sent = call('POST', `invocation/${requestId}/response`, body)
  },
  error(requestId, body) {
    sent = call('POST', `invocation/${requestId}/error`, body)
  },
}

const load = Module._load
Module._load = function loadOrStandIn(request, ...rest) {
  return request === './rapid-client.node'
    ? rapidClient
    : Reflect.apply(load, this, [request, ...rest])
}
