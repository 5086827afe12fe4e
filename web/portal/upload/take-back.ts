import { ApiProblem } from '../../common/api-problem.ts'
import { NetworkError } from './http.ts'
import type { PortalApi } from './portal-api.ts'

/** Takes a file off the server; false when that came too late, because the file is received. */
export async function takeBack(
  api: Pick<PortalApi, 'cancel'>,
  uploadId: string,
  uploadToken: string,
): Promise<boolean> {
  try {
    await api.cancel(uploadId, uploadToken)
  } catch (error) {
    if (error instanceof ApiProblem && error.code === 'UPLOAD_CLOSED') return false
    // After any other answer the reservation ends by itself, 15 minutes after it was made.
    if (!(error instanceof ApiProblem || error instanceof NetworkError)) throw error
  }
  return true
}
