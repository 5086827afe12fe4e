import { describe, expect, it } from 'vitest'
import { fillDynamicReferences } from '../../../infra/local/template/dynamic-references.ts'

const place = { stackName: 'Site', logicalId: 'Distribution' }
const secretArn = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:portage/local/x-a1B2c3'

describe('dynamic references', () => {
  it('are filled in wherever they stand in a text', async () => {
    const value = {
      headers: [`{{resolve:secretsmanager:${secretArn}:SecretString:current::}}`],
      url: 'https://{{resolve:ssm:/portage/host}}/x',
    }

    const filled = await fillDynamicReferences(value, place, (reference) =>
      JSON.stringify(reference),
    )

    expect(filled).toEqual({
      headers: [
        JSON.stringify({ service: 'secretsmanager', secretId: secretArn, jsonKey: 'current' }),
      ],
      url: `https://${JSON.stringify({ service: 'ssm', name: '/portage/host' })}/x`,
    })
  })

  it.each([
    'ssm-secure:/a',
    'secretsmanager:x:SecretBinary:k',
    'secretsmanager:x:SecretString:k:AWSPREVIOUS',
  ])('refuses %s and says where', async (expression) => {
    await expect(
      fillDynamicReferences(`{{resolve:${expression}}}`, place, () => ''),
    ).rejects.toThrow(
      `stack Site, Distribution: unknown dynamic reference {{resolve:${expression}}}`,
    )
  })
})
