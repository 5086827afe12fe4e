import type { EraseClientRequest, UploadReply } from '../../../shared/contract/uploads.ts'

interface ClientToErase {
  request: EraseClientRequest
  /** What an owner knows the client by. */
  who: string
  /** Of what is erased. */
  scope: string
}

/** Whom a file's owner can have forgotten: by the address that was given, or by this hand-over alone; undefined when nothing is known of anybody. */
export function clientToErase({
  submissionId,
  clientName,
  clientEmail,
  clientMessage,
}: Pick<UploadReply, 'submissionId' | 'clientName' | 'clientEmail' | 'clientMessage'>):
  | ClientToErase
  | undefined {
  if (clientEmail !== null) {
    return {
      request: { clientEmail },
      who: clientEmail,
      scope: 'In all that came from this address, through every portal,',
    }
  }
  if (clientName === null && clientMessage === null) return undefined
  return {
    request: { submissionId },
    who: clientName ?? 'this client',
    scope: 'They gave no address, so this concerns what came together with this file:',
  }
}
