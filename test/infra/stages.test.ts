import { describe, expect, test } from 'vitest'
import { readStage, StageContextError } from '../../infra/stages.ts'

const read = (context: Record<string, unknown>) => readStage((key) => context[key])

describe('readStage', () => {
  test('prod needs a domain name', () => {
    expect(() => read({ stage: 'prod' })).toThrow(StageContextError)
    expect(read({ stage: 'prod', domainName: 'files.example.com' }).keepsData).toBe(true)
  })

  test('an unknown stage is refused by name', () => {
    expect(() => read({ stage: 'staging' })).toThrow('not staging')
    expect(() => read({})).toThrow('not undefined')
  })

  test('only the local stage lets anybody sign up unasked', () => {
    expect(read({ stage: 'local' }).signUp).toBe('open')
    expect(read({ stage: 'trial' }).signUp).toBe('allow-list')
    expect(read({ stage: 'prod', domainName: 'files.example.com' }).signUp).toBe('allow-list')
  })

  test('the operator says who may sign up', () => {
    const stage = read({
      stage: 'trial',
      signUp: 'closed',
      signUpAllowList: 'a@example.com, google:1234,',
    })

    expect(stage.signUp).toBe('closed')
    expect(stage.signUpAllowList).toEqual(['a@example.com', 'google:1234'])
    expect(() => read({ stage: 'trial', signUp: 'everyone' })).toThrow('not everyone')
  })

  test('a work slice can be shortened, not lengthened past what a worker can finish', () => {
    expect(read({ stage: 'local' }).workSliceSeconds).toBe(180)
    expect(read({ stage: 'local', workSliceSeconds: '0.5' }).workSliceSeconds).toBe(0.5)
    expect(() => read({ stage: 'local', workSliceSeconds: '181' })).toThrow(StageContextError)
    expect(() => read({ stage: 'local', workSliceSeconds: '0' })).toThrow(StageContextError)
  })
})
