/**
 * The additional checksums of S3, by
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 * Of several parts: FULL_OBJECT is the CRC of all bytes (CRCs only), COMPOSITE the checksum of the
 * parts' checksums with `-N`.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { createCRC32, createCRC64 } from 'hash-wasm'
import { type CrcPolynomial, combineCrcs } from './crc-combine.ts'
import { invalidRequest } from './s3-errors.ts'

export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'

export interface Checksum {
  algorithm: ChecksumAlgorithm
  type: ChecksumType
  /** Base64, with `-N` when composite. */
  value: string
}

export interface RunningHash {
  update(chunk: Buffer): void
  digest(): Buffer
}

interface AlgorithmFacts {
  digestBytes: number
  start: () => RunningHash | Promise<RunningHash>
  polynomial?: CrcPolynomial
}

const CRC32C_POLYNOMIAL = 0x82f63b78
const CRC64NVME_POLYNOMIAL = '9a6c9329ac4bc9b5'

const FACTS: Record<ChecksumAlgorithm, AlgorithmFacts> = {
  CRC32: {
    digestBytes: 4,
    start: startCrc32,
    polynomial: { widthBits: 32n, polynomial: 0xedb88320n },
  },
  CRC32C: {
    digestBytes: 4,
    start: pooled(() => createCRC32(CRC32C_POLYNOMIAL)),
    polynomial: { widthBits: 32n, polynomial: BigInt(CRC32C_POLYNOMIAL) },
  },
  CRC64NVME: {
    digestBytes: 8,
    start: pooled(() => createCRC64(CRC64NVME_POLYNOMIAL)),
    polynomial: { widthBits: 64n, polynomial: BigInt(`0x${CRC64NVME_POLYNOMIAL}`) },
  },
  SHA1: { digestBytes: 20, start: () => createHash('sha1') },
  SHA256: { digestBytes: 32, start: () => createHash('sha256') },
}

/** Header and query name of a checksum: `x-amz-checksum-crc64nvme`. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** Element of a checksum in S3's XML: `ChecksumCRC64NVME`. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`
}

export function parseAlgorithm(name: string): ChecksumAlgorithm {
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name.toUpperCase())
  if (!algorithm) {
    throw invalidRequest(
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    )
  }
  return algorithm
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningHash | Promise<RunningHash> {
  return FACTS[algorithm].start()
}

export function requireChecksumValue(algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, 'base64')
  const wellFormed =
    bytes.length === FACTS[algorithm].digestBytes && bytes.toString('base64') === value
  if (!wellFormed) {
    throw invalidRequest(`Value for ${checksumHeader(algorithm)} header is invalid.`)
  }
}

/** Type that S3 gives a multipart upload which names the algorithm only. */
export function defaultChecksumType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE'
}

export function supportsChecksumType(algorithm: ChecksumAlgorithm, type: ChecksumType): boolean {
  if (type === 'FULL_OBJECT') return FACTS[algorithm].polynomial !== undefined
  return algorithm !== 'CRC64NVME'
}

interface PartChecksum {
  value: string
  sizeBytes: number
}

/** Checksum of the whole object from its parts' checksums, without reading a byte of it. */
export async function joinChecksums(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: PartChecksum[],
): Promise<Checksum> {
  const digests = parts.map((part) => Buffer.from(part.value, 'base64'))
  const { polynomial, digestBytes } = FACTS[algorithm]
  if (type === 'FULL_OBJECT' && polynomial) {
    const crc = combineCrcs(
      polynomial,
      parts.map((part, index) => ({
        crc: BigInt(`0x${digests[index]?.toString('hex')}`),
        sizeBytes: part.sizeBytes,
      })),
    )
    const bytes = Buffer.from(crc.toString(16).padStart(digestBytes * 2, '0'), 'hex')
    return { algorithm, type, value: bytes.toString('base64') }
  }
  const hash = await startChecksum(algorithm)
  for (const digest of digests) hash.update(digest)
  return { algorithm, type, value: `${hash.digest().toString('base64')}-${parts.length}` }
}

function startCrc32(): RunningHash {
  let value = 0
  return {
    update(chunk) {
      value = crc32(chunk, value)
    },
    digest() {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      return bytes
    },
  }
}

interface WasmHash {
  init(): unknown
  update(chunk: Buffer): unknown
  digest(format: 'hex'): string
}

/** Each instance owns WebAssembly memory: finished ones are used again, abandoned ones are collected. */
function pooled(create: () => Promise<WasmHash>): () => Promise<RunningHash> {
  const idle: WasmHash[] = []
  return async () => {
    const hash = idle.pop() ?? (await create())
    hash.init()
    return {
      update(chunk) {
        hash.update(chunk)
      },
      digest() {
        const bytes = Buffer.from(hash.digest('hex'), 'hex')
        idle.push(hash)
        return bytes
      },
    }
  }
}
