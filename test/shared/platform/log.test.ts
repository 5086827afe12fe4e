import { expect, test } from 'vitest'
import { loggable } from '../../../shared/platform/log.ts'

test('an error is logged with its causes, and with nothing that a library hung on it', () => {
  const wire = Object.assign(new Error('Request failed with status code 503'), {
    code: 'ERR_BAD_RESPONSE',
    config: {
      headers: { authorization: 'Bearer canary-token' },
      url: 'https://x/?upload_id=canary',
    },
    response: { data: 'canary-body' },
  })
  const failure = new Error('The provider cannot do this now', { cause: wire })

  const logged = loggable(failure)

  expect(JSON.stringify(logged)).not.toContain('canary')
  expect(logged).toMatchObject({
    name: 'Error',
    message: 'The provider cannot do this now',
    cause: { message: 'Request failed with status code 503', code: 'ERR_BAD_RESPONSE' },
  })
})

test('what is thrown without being an error says no more than that', () => {
  expect(JSON.stringify(loggable({ token: 'canary' }))).not.toContain('canary')
  expect(JSON.stringify(loggable('canary'))).not.toContain('canary')
})

test('causes that lead in a circle come to an end', () => {
  const circular = new Error('round')
  circular.cause = circular

  expect(JSON.stringify(loggable(circular)).length).toBeGreaterThan(0)
})
