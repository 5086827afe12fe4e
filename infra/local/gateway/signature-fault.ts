export type SignatureFaultKind =
  | 'malformed-request'
  | 'malformed-header'
  | 'malformed-query'
  | 'malformed-form'
  | 'two-mechanisms'
  | 'wrong-region'
  | 'wrong-token'
  | 'skewed'
  | 'not-yet-valid'
  | 'expired'
  | 'unsigned-headers'
  | 'missing-payload-hash'
  | 'payload-mismatch'
  | 'signature-mismatch'

/** Why a signature does not hold. */
export class SignatureFault extends Error {
  override name = 'SignatureFault' as const
  readonly kind: SignatureFaultKind
  /** Facts that the service puts into the error body. */
  readonly details: Record<string, string>

  constructor(kind: SignatureFaultKind, message: string, details: Record<string, string> = {}) {
    super(message)
    this.kind = kind
    this.details = details
  }
}
