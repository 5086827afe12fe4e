/**
 * What the gateway and an engine agree on. The gateway verifies the signature, asks the engine
 * which permissions a call needs, evaluates the caller's policies and only then lets it run.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PolicyDocument } from './policy-document.ts'

/** Where everything on this machine pretends to be. */
export const LOCAL_REGION = 'us-east-1'
export const LOCAL_ACCOUNT_ID = '111122223333'

/** One AWS call whose signature was verified. */
export interface AwsCall {
  requestId: string
  /** Signing name of the service: `s3`, `sqs`, `kms`, `secretsmanager`, `ssm`, `dynamodb`. */
  service: string
  /**
   * Operation named by `X-Amz-Target` (`SendMessage`); empty for S3, whose engine derives it from the
   * request and may set it in `accessRequests`, so that calls are counted by their true names.
   */
  operation: string
  /** ARN of the caller: `arn:aws:iam::…:role/…` or the operator's. */
  principalArn: string
  request: IncomingMessage
  /** For its query; the path of an S3 call is that of `request.url`, since `URL` folds `..`. */
  url: URL
  /** Parsed body of a JSON-protocol service; undefined for S3, whose engine reads the stream itself. */
  input: Record<string, unknown> | undefined
  /** How the body was signed (`x-amz-content-sha256`): a hex digest, `UNSIGNED-PAYLOAD` or a `STREAMING-…` name. */
  payloadHash: string
  /** True when the signature came in the query string. */
  presigned: boolean
  /** Where the signatures of a streamed body's chunks go on from; absent when nothing was signed. */
  seed?: SignatureSeed
  /** The browser's upload form in the body; its fields then stand for headers. */
  form?: UploadForm
  /** Judges a permission for one of several things; a refusal then concerns that thing alone. */
  refusalOf?(access: AccessRequest): AwsError | undefined
}

/** A verified signature, by which the next one can be computed. */
export interface SignatureSeed {
  signature: string
  amzDate: string
  /** `20261122/us-east-1/s3/aws4_request`. */
  scope: string
  /** Hex signature of a text by the same key. */
  sign(text: string): string
}

/** A form as far as it was read: its fields by their names in lower case; the file is still to come. */
export interface UploadForm {
  fields: ReadonlyMap<string, string>
  file: AsyncIterable<Buffer>
  /** Drops what of the body was not read, so that its connection can go on. */
  release(): Promise<void>
}

/** One permission that a call needs; condition keys in full (`dynamodb:LeadingKeys`, `kms:EncryptionContext:purpose`). */
export interface AccessRequest {
  action: string
  resource: string
  context?: Record<string, string | string[]>
}

/** An AWS service on this machine. */
export interface AwsEngine {
  /** Permissions that the call needs, all of them; throws `AwsError` for an operation that it does not know. */
  accessRequests(call: AwsCall): AccessRequest[] | Promise<AccessRequest[]>
  /** Policy attached to a resource (a bucket's for its objects too); absent when nothing has one. */
  resourcePolicy?(resource: string): PolicyDocument | undefined
  /** Answers an unsigned CORS preflight; false when it is none of this engine's. Called before any signature is looked for. */
  handlePreflight?(request: IncomingMessage, response: ServerResponse, url: URL): boolean
  /** Sets the CORS headers of any reply, refusals included: a page must be able to read a 403. */
  addCorsHeaders?(request: IncomingMessage, response: ServerResponse, url: URL): void
  /** Reads the fields of an unsigned request that is a browser's upload form; undefined when it is none. */
  readUploadForm?(request: IncomingMessage): Promise<UploadForm | undefined>
  /** Runs the call and writes the whole reply. Throws `AwsError` for a refusal; the gateway writes it in the service's protocol. */
  handle(call: AwsCall, response: ServerResponse): Promise<void>
  /** Stops timers and closes files; every acknowledged write is on disk before that. */
  close(): Promise<void>
}

/** A refusal with the code, status and message that the service itself would answer. */
export class AwsError extends Error {
  override name = 'AwsError' as const
  readonly code: string
  readonly status: number
  /** Further members of the error body, such as `CancellationReasons`. */
  readonly details: Record<string, unknown>

  constructor(code: string, message: string, status = 400, details: Record<string, unknown> = {}) {
    super(message)
    this.code = code
    this.status = status
    this.details = details
  }
}
