import { factsOf } from '../../../shared/contract/providers.ts'
import type { UploadReply } from '../../../shared/contract/uploads.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { isOnItsWay } from './upload-status.ts'

interface DeleteConsequence {
  /** What the button says. */
  confirm: string
  text: string
  /** Whether only what Portage knows of the file can be removed. */
  recordOnly: boolean
}

/** What deleting a file means, by where it is and how its account is (C25). */
export function deleteConsequence(
  upload: Pick<UploadReply, 'status' | 'storageStatus' | 'storageProvider'>,
): DeleteConsequence {
  const provider = PROVIDER_NAMES[upload.storageProvider]
  if (upload.status !== 'uploaded') {
    return {
      confirm: 'Delete',
      recordOnly: false,
      text:
        isOnItsWay(upload) || upload.status === 'held'
          ? `It has not reached your ${provider} yet. Its delivery ends and what we received is deleted. This cannot be undone.`
          : `It never reached your ${provider}. It is deleted from this list, together with what we may still hold of it.`,
    }
  }
  switch (upload.storageStatus) {
    case 'DISCONNECTED':
      return {
        confirm: 'Remove the record only',
        recordOnly: true,
        text: `Its ${provider} account is disconnected, so the file cannot be deleted there. You can remove it from this list; it then stays in your ${provider}. To delete it there as well, reconnect the account first.`,
      }
    case 'ERROR':
      return {
        confirm: 'Delete',
        recordOnly: false,
        text: `Its ${provider} account does not answer at the moment, so deleting may fail. The file then stays in this list and you can try again later.`,
      }
    default:
      return {
        confirm: 'Delete',
        recordOnly: false,
        text: `${factsOf(upload.storageProvider).afterDeletion} It is deleted from this list as well, which cannot be undone.`,
      }
  }
}
