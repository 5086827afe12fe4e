import { describe, expect, it } from 'vitest'
import { clientToErase } from '../../../web/dashboard/files/client-to-erase.ts'

const unknown = {
  submissionId: 'sub_0123456789',
  clientName: null,
  clientEmail: null,
  clientMessage: null,
}

describe('A client can be erased', () => {
  it('everywhere, by the address that was given', () => {
    expect(
      clientToErase({ ...unknown, clientName: 'Ada', clientEmail: 'ada@example.org' }),
    ).toMatchObject({ request: { clientEmail: 'ada@example.org' }, who: 'ada@example.org' })
  })

  it.each([
    [{ clientName: 'Ada' }, 'Ada'],
    [{ clientMessage: 'The rest follows.' }, 'this client'],
  ])('who gave none by the hand-over alone: %j', (told, who) => {
    expect(clientToErase({ ...unknown, ...told })).toMatchObject({
      request: { submissionId: 'sub_0123456789' },
      who,
    })
  })

  it('not when nothing is known of anybody', () => {
    expect(clientToErase(unknown)).toBeUndefined()
  })
})
