import type { ServerResponse } from 'node:http'
import { AwsError } from '../engine.ts'
import type { SignatureFault, SignatureFaultKind } from './signature-fault.ts'

/** Writes a refusal in the protocol of the service: XML for S3, JSON for the others. */
export function writeError(
  response: ServerResponse,
  service: string,
  error: AwsError,
  requestId: string,
  options: { contentType?: string | undefined; head: boolean },
): void {
  const body = service === 's3' ? s3Body(error, requestId) : JSON.stringify(jsonBody(error))
  response.statusCode = error.status
  if (service === 's3') {
    response.setHeader('content-type', 'application/xml')
  } else {
    response.setHeader('x-amzn-errortype', error.code)
    response.setHeader(
      'content-type',
      options.contentType?.startsWith('application/x-amz-json-')
        ? options.contentType
        : 'application/x-amz-json-1.1',
    )
  }
  response.removeHeader('content-encoding')
  // A reply to HEAD and a 304 have no body: the status alone tells.
  if (options.head || error.status === 304) {
    response.removeHeader('content-type')
    response.end()
    return
  }
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}

function jsonBody(error: AwsError): Record<string, unknown> {
  return { __type: error.code, message: error.message, ...error.details }
}

function s3Body(error: AwsError, requestId: string): string {
  const details = Object.entries(error.details)
    .map(([name, value]) => `<${name}>${xml(String(value))}</${name}>`)
    .join('')
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<Error><Code>${xml(error.code)}</Code><Message>${xml(error.message)}</Message>${details}` +
    `<RequestId>${requestId}</RequestId><HostId>${requestId}</HostId></Error>`
  )
}

const XML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

function xml(text: string): string {
  return text.replace(/[&<>"']/g, (it) => XML_ESCAPES[it] ?? it)
}

/** S3's words: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const S3_FAULTS: Readonly<Record<SignatureFaultKind, readonly [code: string, status: number]>> = {
  'malformed-request': ['InvalidURI', 400],
  'malformed-header': ['AuthorizationHeaderMalformed', 400],
  'malformed-query': ['AuthorizationQueryParametersError', 400],
  'malformed-form': ['InvalidArgument', 400],
  'two-mechanisms': ['InvalidArgument', 400],
  'wrong-region': ['AuthorizationHeaderMalformed', 400],
  'wrong-token': ['InvalidToken', 400],
  skewed: ['RequestTimeTooSkewed', 403],
  'not-yet-valid': ['AccessDenied', 403],
  expired: ['AccessDenied', 403],
  'unsigned-headers': ['AccessDenied', 403],
  'missing-payload-hash': ['InvalidRequest', 400],
  'payload-mismatch': ['XAmzContentSHA256Mismatch', 400],
  'signature-mismatch': ['SignatureDoesNotMatch', 403],
}

/** Words of the JSON services: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html */
const JSON_FAULTS: Readonly<Record<SignatureFaultKind, string>> = {
  'malformed-request': 'IncompleteSignatureException',
  'malformed-header': 'IncompleteSignatureException',
  'malformed-query': 'IncompleteSignatureException',
  'malformed-form': 'IncompleteSignatureException',
  'two-mechanisms': 'IncompleteSignatureException',
  'wrong-region': 'InvalidSignatureException',
  'wrong-token': 'UnrecognizedClientException',
  skewed: 'InvalidSignatureException',
  'not-yet-valid': 'InvalidSignatureException',
  expired: 'InvalidSignatureException',
  'unsigned-headers': 'InvalidSignatureException',
  'missing-payload-hash': 'IncompleteSignatureException',
  'payload-mismatch': 'InvalidSignatureException',
  'signature-mismatch': 'InvalidSignatureException',
}

export function signatureError(service: string, fault: SignatureFault): AwsError {
  if (service !== 's3') return new AwsError(JSON_FAULTS[fault.kind], fault.message, 400)
  const [code, status] = S3_FAULTS[fault.kind]
  const message =
    fault.kind === 'wrong-token'
      ? 'The provided token is malformed or otherwise invalid.'
      : fault.message
  return new AwsError(code, message, status, fault.details)
}

export function unsignedError(service: string): AwsError {
  return service === 's3'
    ? new AwsError('AccessDenied', 'Access Denied', 403)
    : new AwsError(
        'MissingAuthenticationTokenException',
        'Request is missing Authentication Token',
        service === 'dynamodb' ? 400 : 403,
      )
}

export function unknownKeyError(service: string, accessKeyId: string): AwsError {
  return service === 's3'
    ? new AwsError(
        'InvalidAccessKeyId',
        'The AWS Access Key Id you provided does not exist in our records.',
        403,
        { AWSAccessKeyId: accessKeyId },
      )
    : new AwsError(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      )
}
