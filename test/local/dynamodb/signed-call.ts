import { type DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'

/** Sends exactly this text to a target, signed by the real client. */
export async function signedCall(
  client: DynamoDBClient,
  target: string,
  body: string,
): Promise<Response> {
  const command = new ListTablesCommand({})
  let caught: { url: string; headers: Record<string, string> } | undefined
  command.middlewareStack.add(
    (next) => async (args) => {
      const request = args.request as { headers: Record<string, string>; body: string }
      request.headers['x-amz-target'] = target
      request.headers['content-length'] = String(Buffer.byteLength(body))
      request.body = body
      return await next(args)
    },
    { step: 'build' },
  )
  command.middlewareStack.add(
    () => async (args) => {
      const { protocol, hostname, port, path, headers } = args.request as {
        protocol: string
        hostname: string
        port?: number
        path: string
        headers: Record<string, string>
      }
      const { host: _, 'content-length': __, ...rest } = headers
      caught = {
        url: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`,
        headers: rest,
      }
      throw new Error('signed')
    },
    { step: 'deserialize', priority: 'low' },
  )
  await client.send(command).catch((error: Error) => {
    if (error.message !== 'signed') throw error
  })
  if (!caught) throw new Error('nothing was signed')
  return await fetch(caught.url, { method: 'POST', headers: caught.headers, body })
}
