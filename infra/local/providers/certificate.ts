/** X.509 certificates (RFC 5280), as far as signing keys and TLS on one machine need them. */
import { createHash, type KeyObject, sign } from 'node:crypto'

/** Names of the algorithms by type of the signing key (RFC 4055, RFC 5758). */
const SIGNATURE_ALGORITHMS: Record<string, string> = {
  rsa: '1.2.840.113549.1.1.11',
  ec: '1.2.840.10045.4.3.2',
}
const COMMON_NAME = '2.5.4.3'
const BASIC_CONSTRAINTS = '2.5.29.19'
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'

interface CertificateRequest {
  subject: string
  publicKey: KeyObject
  /** Who vouches; a certificate whose subject is its issuer vouches for itself. */
  issuer: string
  issuerKey: KeyObject
  notBefore: Date
  notAfter: Date
  /** May vouch for other certificates. */
  isAuthority?: boolean
  dnsNames?: readonly string[]
}

/** The certificate as PEM. */
export function createCertificate(request: CertificateRequest): string {
  const { issuerKey, publicKey, isAuthority = false, dnsNames = [] } = request
  const algorithm = signatureAlgorithm(issuerKey)
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const extensions = [
    extension(BASIC_CONSTRAINTS, sequence(...(isAuthority ? [boolean(true)] : []))),
    ...(dnsNames.length === 0 ? [] : [extension(SUBJECT_ALTERNATIVE_NAME, generalNames(dnsNames))]),
  ]
  const content = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(serialNumber(request.subject, subjectKey)),
    algorithm,
    distinguishedName(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    distinguishedName(request.subject),
    subjectKey,
    element(0xa3, sequence(...extensions)),
  )
  const signature = bitString(sign('sha256', content, issuerKey))
  const body = sequence(content, algorithm, signature).toString('base64')
  const lines = body.match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** One key and name, one number: unique without a register, and never negative. */
function serialNumber(subject: string, subjectKey: Buffer): Buffer {
  const digest = createHash('sha256').update(subject).update(subjectKey).digest()
  return Buffer.concat([Buffer.of(1), digest.subarray(0, 15)])
}

function signatureAlgorithm(key: KeyObject): Buffer {
  const { asymmetricKeyType = 'none' } = key
  const identifier = SIGNATURE_ALGORITHMS[asymmetricKeyType]
  if (identifier === undefined) throw new TypeError(`no signature by a key of ${asymmetricKeyType}`)
  // Only RSA's identifier carries parameters, and those are NULL.
  const parameters = asymmetricKeyType === 'rsa' ? [element(0x05)] : []
  return sequence(objectIdentifier(identifier), ...parameters)
}

function distinguishedName(commonName: string): Buffer {
  const attribute = sequence(objectIdentifier(COMMON_NAME), element(0x0c, Buffer.from(commonName)))
  return sequence(element(0x31, attribute))
}

/** Critical only where a reader that does not know it would be misled. */
function extension(identifier: string, value: Buffer): Buffer {
  const critical = identifier === BASIC_CONSTRAINTS ? [boolean(true)] : []
  return sequence(objectIdentifier(identifier), ...critical, element(0x04, value))
}

function generalNames(dnsNames: readonly string[]): Buffer {
  return sequence(...dnsNames.map((name) => element(0x82, Buffer.from(name))))
}

/** "dates through the year 2049 as UTCTime; dates in 2050 or later … as GeneralizedTime" (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '')
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits))
}

function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** Seven bits a byte, the highest bit says that more follow. */
function base128(value: number): number[] {
  const bytes = [value % 128]
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) {
    bytes.unshift((left % 128) + 128)
  }
  return bytes
}

function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.of(value ? 0xff : 0))
}

function integer(bytes: Buffer): Buffer {
  return element(0x02, bytes)
}

function bitString(bytes: Buffer): Buffer {
  return element(0x03, Buffer.of(0), bytes)
}

function sequence(...content: Buffer[]): Buffer {
  return element(0x30, ...content)
}

/** Tag, length and content of the distinguished encoding (X.690). */
function element(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const hex = body.length.toString(16)
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, body])
}
