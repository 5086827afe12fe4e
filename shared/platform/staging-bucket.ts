/**
 * The staging bucket: `staging/{safe|scan}/{uploadId}` holds a client's file until it is proved
 * delivered, `downloads/{uploadId}` a large file on its way back to its owner.
 */
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { SignedPart } from '../contract/uploads.ts'
import { inGroups } from './in-groups.ts'

export interface StagedObject {
  sizeBytes: number
  etag: string
}

export interface StagedPart {
  partNumber: number
  size: number
  etag: string
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const MOST_KEYS = 1000

export type StagingBucket = ReturnType<typeof stagingBucket>
export type OwnersStaging = ReturnType<typeof ownersStaging>

/** Also the age beyond which the bucket policy refuses a signature (security rule 7). */
const SIGNATURE_SECONDS = 15 * 60
const DOWNLOAD_LINK_SECONDS = 60

/** What an owner's calls do there; apart, so that their function holds nothing else of S3. */
export function ownersStaging(s3: S3Client, bucket: string) {
  const remove = async (key: string) => {
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
  }
  return {
    /** Needs no condition: a multipart upload that is gone is aborted. */
    async abortMultipart(key: string, multipartUploadId: string): Promise<void> {
      await known(['NoSuchUpload'], () =>
        s3.send(
          new AbortMultipartUploadCommand({
            Bucket: bucket,
            Key: key,
            UploadId: multipartUploadId,
          }),
        ),
      )
    },

    /** A link by which the owner's browser saves the object under its own name. */
    async signDownload(key: string, disposition: string): Promise<string> {
      return getSignedUrl(
        s3,
        new GetObjectCommand({
          Bucket: bucket,
          Key: key,
          ResponseContentDisposition: disposition,
          ResponseContentType: 'application/octet-stream',
          ResponseCacheControl: 'no-store',
        }),
        { expiresIn: DOWNLOAD_LINK_SECONDS },
      )
    },

    /** Needs no condition: an object that is gone is deleted. */
    remove,
  }
}

export function stagingBucket(s3: S3Client, bucket: string) {
  const { abortMultipart, signDownload, remove } = ownersStaging(s3, bucket)
  return {
    abortMultipart,
    signDownload,
    remove,

    /** Removes those that are asked for at the same time in one request. */
    removeTogether: inGroups<string>({ most: MOST_KEYS, isOfOne: () => true }, async (keys) => {
      const [only, ...others] = keys
      if (only !== undefined && others.length === 0) return remove(only)
      const Objects = keys.map((Key) => ({ Key }))
      const { Errors = [] } = await s3.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      )
      const [first] = Errors
      if (first) throw new Error(`S3 did not delete an object: ${first.Code}`)
    }),

    /** A single PUT of exactly this length that cannot replace an object. */
    async signPut(key: string, sizeBytes: number): Promise<SignedPart> {
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ContentLength: sizeBytes,
        IfNoneMatch: '*',
      })
      const url = await getSignedUrl(s3, command, { expiresIn: SIGNATURE_SECONDS })
      return { partNumber: 1, url, headers: { 'if-none-match': '*' } }
    },

    /** One part of exactly this length. */
    async signPart(
      key: string,
      multipartUploadId: string,
      partNumber: number,
      sizeBytes: number,
    ): Promise<SignedPart> {
      const command = new UploadPartCommand({
        Bucket: bucket,
        Key: key,
        UploadId: multipartUploadId,
        PartNumber: partNumber,
        ContentLength: sizeBytes,
      })
      const url = await getSignedUrl(s3, command, { expiresIn: SIGNATURE_SECONDS })
      return { partNumber, url, headers: {} }
    },

    /** Puts the only object that this key will ever have; one that stands there is of an attempt whose answer was lost. */
    async put(key: string, body: Buffer): Promise<void> {
      await known(['PreconditionFailed'], () =>
        s3.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentLength: body.length,
            IfNoneMatch: '*',
          }),
        ),
      )
    },

    async createMultipart(key: string): Promise<string> {
      const reply = await s3.send(
        new CreateMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          ChecksumAlgorithm: 'CRC64NVME',
          ChecksumType: 'FULL_OBJECT',
        }),
      )
      if (!reply.UploadId) throw new Error('S3 opened a multipart upload without an id')
      return reply.UploadId
    },

    async putPart(
      key: string,
      multipartUploadId: string,
      partNumber: number,
      body: ReadableStream<Uint8Array>,
      sizeBytes: number,
    ): Promise<void> {
      await s3.send(
        new UploadPartCommand({
          Bucket: bucket,
          Key: key,
          UploadId: multipartUploadId,
          PartNumber: partNumber,
          Body: Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]),
          ContentLength: sizeBytes,
        }),
      )
    },

    /** The parts that S3 has; undefined when the multipart upload no longer exists. */
    async listParts(key: string, multipartUploadId: string): Promise<StagedPart[] | undefined> {
      const parts: StagedPart[] = []
      let marker: string | undefined
      do {
        const reply = await known(['NoSuchUpload'], () =>
          s3.send(
            new ListPartsCommand({
              Bucket: bucket,
              Key: key,
              UploadId: multipartUploadId,
              PartNumberMarker: marker,
            }),
          ),
        )
        if (!reply) return undefined
        for (const part of reply.Parts ?? []) {
          parts.push({
            partNumber: part.PartNumber ?? 0,
            size: part.Size ?? 0,
            etag: part.ETag ?? '',
          })
        }
        marker = reply.IsTruncated ? reply.NextPartNumberMarker : undefined
      } while (marker)
      return parts
    },

    /**
     * Puts the parts together. `incomplete` when S3 lacks one or the sizes do not add up, `gone`
     * when the multipart upload no longer exists, which also means that it was completed before.
     */
    async completeMultipart(
      key: string,
      multipartUploadId: string,
      parts: { partNumber: number; etag: string }[],
      sizeBytes: number,
    ): Promise<'completed' | 'incomplete' | 'gone'> {
      try {
        await s3.send(
          new CompleteMultipartUploadCommand({
            Bucket: bucket,
            Key: key,
            UploadId: multipartUploadId,
            MpuObjectSize: sizeBytes,
            MultipartUpload: {
              Parts: parts.map((part) => ({ PartNumber: part.partNumber, ETag: part.etag })),
            },
          }),
        )
        return 'completed'
      } catch (error) {
        if (!(error instanceof S3ServiceException)) throw error
        if (error.name === 'NoSuchUpload') return 'gone'
        if (INCOMPLETE.includes(error.name)) return 'incomplete'
        throw error
      }
    },

    async head(key: string): Promise<StagedObject | undefined> {
      const reply = await known(['NotFound', 'NoSuchKey'], () =>
        s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
      )
      return reply && { sizeBytes: reply.ContentLength ?? 0, etag: bareEtag(reply.ETag) }
    },

    /**
     * Bytes of the object whose ETag was fixed; undefined when that object is gone or replaced.
     * `sizeBytes` must not be 0, because no range can say so.
     */
    async read(
      key: string,
      etag: string,
      range: { offsetBytes: number; sizeBytes: number },
      signal?: AbortSignal,
    ): Promise<Readable | undefined> {
      const last = range.offsetBytes + range.sizeBytes - 1
      const reply = await known(['NoSuchKey', 'NotFound', 'PreconditionFailed'], () =>
        s3.send(
          new GetObjectCommand({
            Bucket: bucket,
            Key: key,
            IfMatch: `"${etag}"`,
            Range: `bytes=${range.offsetBytes}-${last}`,
          }),
          signal ? { abortSignal: signal } : {},
        ),
      )
      return reply?.Body as Readable | undefined
    },
  }
}

/** What S3 calls a completion whose parts are missing, unordered, too small or of another total. */
const INCOMPLETE = [
  'InvalidPart',
  'InvalidPartOrder',
  'EntityTooSmall',
  'MalformedXML',
  'InvalidRequest',
]

/** ETags travel with quotes in headers and without in events; ours are without. */
function bareEtag(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '')
}

/** The reply, or undefined when S3 answers one of these errors, which the caller expects. */
async function known<Reply>(
  names: string[],
  call: () => Promise<Reply>,
): Promise<Reply | undefined> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof S3ServiceException && names.includes(error.name)) return undefined
    throw error
  }
}
