/**
 * Leads an unmodified client of a provider to its emulator: a proxy that takes CONNECT for the
 * provider's own host names, ends TLS with a certificate of an authority made for this run, and
 * hands the plain bytes on. The client trusts the authority by a file and is told of the proxy.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { createCertificate } from '../../../../infra/local/providers/certificate.ts'

const DAY_MS = 86_400_000

export interface TlsFront {
  /** For HTTPS_PROXY. */
  proxyUrl: string
  /** The authority's certificate, PEM. */
  authority: string
  /** Hosts that were asked for and are not among those led to the emulator. */
  refusedHosts: string[]
  close(): Promise<void>
}

export async function startTlsFront(
  emulatorUrl: string,
  hosts: readonly string[],
): Promise<TlsFront> {
  const { authority, context } = certificates(hosts)
  const emulator = new URL(emulatorUrl)
  const refusedHosts: string[] = []
  const open = new Set<Duplex>()
  const keep = (socket: Duplex) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  }

  const server = createServer((_request, response) => response.writeHead(405).end())
  server.on('connection', keep)
  server.on('connect', (request, socket) => {
    const host = request.url?.replace(/:443$/, '') ?? ''
    if (!hosts.includes(host)) {
      refusedHosts.push(host)
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const plain = new TLSSocket(socket as Socket, { isServer: true, secureContext: context })
    const upstream = connect({
      host: emulator.hostname,
      port: Number(emulator.port),
      noDelay: true,
    })
    keep(upstream)
    join(plain, upstream)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    proxyUrl: `http://127.0.0.1:${port}`,
    authority,
    refusedHosts,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** Each side gets what the other sends; when one ends or breaks, so does the other. */
function join(left: Duplex, right: Duplex): void {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.pipe(to)
    // A broken connection is for the client to notice; there is nobody here to tell.
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}

/** Elliptic keys, because making one takes a millisecond. */
function certificates(hosts: readonly string[]): { authority: string; context: SecureContext } {
  const [root, leaf] = [newKeys(), newKeys()]
  const now = Date.now()
  const validity = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + 30 * DAY_MS) }
  const issuer = 'Portage test authority'
  const authority = createCertificate({
    ...validity,
    subject: issuer,
    publicKey: root.publicKey,
    issuer,
    issuerKey: root.privateKey,
    isAuthority: true,
  })
  const certificate = createCertificate({
    ...validity,
    subject: hosts[0] ?? 'emulator',
    publicKey: leaf.publicKey,
    issuer,
    issuerKey: root.privateKey,
    dnsNames: hosts,
  })
  const key = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { authority, context: createSecureContext({ key, cert: certificate }) }
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}
