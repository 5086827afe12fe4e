import { describe, expect, it } from 'vitest'
import { graceChoices } from '../../../web/dashboard/portals/grace-choices.ts'
import { portalFacts } from '../../../web/dashboard/portals/portal-facts.ts'

const plain = {
  fields: { clientName: 'optional', clientEmail: 'optional', clientMessage: 'hidden' } as const,
  allowedTypes: [],
  maxFileBytes: null,
  maxFiles: null,
  maxTotalBytes: null,
  passwordRequired: false,
  clientFolders: false,
}

describe('What is special about a portal', () => {
  it('is nothing while every setting is the default', () => {
    expect(portalFacts(plain, 'en')).toEqual([])
  })

  it('is told in words', () => {
    const facts = portalFacts(
      {
        fields: { clientName: 'required', clientEmail: 'required', clientMessage: 'optional' },
        allowedTypes: ['.a', '.b', '.c', '.d', '.e', '.f', '.g', '.h'],
        maxFileBytes: 100_000_000,
        maxFiles: 1,
        maxTotalBytes: 2_000_000_000,
        passwordRequired: true,
        clientFolders: true,
      },
      'en',
    )

    expect(facts).toEqual([
      'Needs a password',
      'Requires: name, e-mail',
      'At most 1 file, 2 GB together, 100 MB each',
      'Takes only: .a, .b, .c, .d, .e, .f and 2 more',
      'A folder for each client',
    ])
  })
})

describe('The time after a deadline', () => {
  it('can be chosen in words', () => {
    expect(
      graceChoices(0)
        .slice(0, 3)
        .map(({ label }) => label),
    ).toEqual([
      'Take nothing more',
      'Take files for another 15 minutes',
      'Take files for another 60 minutes',
    ])
  })

  it('keeps a time that is not among those offered', () => {
    expect(graceChoices(45).map(({ value }) => value)).toContain('45')
    expect(graceChoices(60)).toHaveLength(graceChoices(0).length)
  })
})
