import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Drawer.css'
import '@mantine/core/styles/Overlay.css'
import { Drawer } from '@mantine/core'
import type { ReactNode } from 'react'
import type { UploadReply } from '../../../shared/contract/uploads.ts'
import { formatBytes } from '../../common/format.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { AtProvider } from '../shell/at-provider.tsx'
import { LOCALE } from '../shell/locale.ts'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'
import { useReturnFocus } from '../shell/use-return-focus.ts'
import { clientToErase } from './client-to-erase.ts'
import { DownloadButton } from './download-button.tsx'
import { RetryButton } from './retry-button.tsx'
import { clientFolder, describeStorage, describeUpload, otherName } from './upload-status.ts'

const WHY_OTHER_NAME =
  'the folder had one of that name already, or the provider does not take it as it is.'

interface FileDetailsProps {
  upload: UploadReply
  portalName: string
  /** Undefined for an account that is not known any more. */
  accountName: string | undefined
  /** Left out where its client cannot be erased. */
  onErase?: () => void
  onClose: () => void
}

export function FileDetails(props: FileDetailsProps) {
  const { upload, portalName, accountName, onErase, onClose } = props
  useReturnFocus()
  const state = describeUpload(upload)
  const storage = describeStorage(upload)
  return (
    <Drawer.Root opened position="right" size="md" onClose={onClose}>
      <Drawer.Overlay />
      <Drawer.Content>
        {/* A `header` element here would count as a second banner of the page. */}
        <Drawer.Header role="presentation">
          <Drawer.Title className="dialog-title">{upload.fileName}</Drawer.Title>
          <Drawer.CloseButton aria-label="Close the details" />
        </Drawer.Header>
        <Drawer.Body>
          <dl className="details">
            <Detail term="Status">
              <StatusLabel color={state.color}>{state.label}</StatusLabel>
              {state.explanation !== undefined && <p>{state.explanation}</p>}
              {upload.retryAt !== null && (
                <p>
                  Next try: <Time value={upload.retryAt} />
                </p>
              )}
            </Detail>
            <Detail term="Size">
              {formatBytes(upload.fileSize, LOCALE)}
              {upload.fileSize >= 1000 && ` (${upload.fileSize.toLocaleString(LOCALE)} bytes)`}
            </Detail>
            <Detail term="Kind">{upload.mimeType}</Detail>
            <Detail term="Folder at the client">{clientFolder(upload.relativePath)}</Detail>
            <Detail term="Portal">{portalName}</Detail>
            <Detail term="Client">
              {[upload.clientName, upload.clientEmail].filter(Boolean).join(' · ')}
            </Detail>
            <Detail term="Message">{upload.clientMessage}</Detail>
            {onErase && clientToErase(upload) && (
              <Detail term="Forget this client">
                <button type="button" className="link-button" onClick={onErase}>
                  Erase what they told
                </button>
              </Detail>
            )}
            <Detail term="Announced">
              <Time value={upload.createdAt} />
            </Detail>
            <Detail term="Received">
              {upload.receivedAt !== null && (
                <>
                  <Time value={upload.receivedAt} />
                  {upload.late && ', after the deadline'}
                </>
              )}
            </Detail>
            <Detail term="Delivered">
              {upload.deliveredAt !== null && <Time value={upload.deliveredAt} />}
            </Detail>
            <Detail term="Storage">
              <AtProvider id={upload.storageProvider}>
                {PROVIDER_NAMES[upload.storageProvider]}
                {accountName !== undefined && ` · ${accountName}`}
              </AtProvider>{' '}
              <StatusLabel color={storage.color}>{storage.label}</StatusLabel>
            </Detail>
            <Detail term="Path in the storage">{upload.storagePath}</Detail>
            <Detail term="Name at the client">
              {otherName(upload) !== null && (
                <>
                  “{upload.fileName}”<p>It was stored under another name: {WHY_OTHER_NAME}</p>
                </>
              )}
            </Detail>
            <Detail term="SHA-256">
              {upload.sha256 !== null && <code className="hash">{upload.sha256}</code>}
            </Detail>
            <Detail term="Content hash">
              {upload.contentHash !== null && <code className="hash">{upload.contentHash}</code>}
            </Detail>
            <Detail term="File id">
              <code className="hash">{upload.id}</code>
            </Detail>
          </dl>
          {upload.status === 'uploaded' && <DownloadButton upload={upload} />}
          {upload.status === 'held' && <RetryButton upload={upload} />}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  )
}

/** Absent facts are left out. */
function Detail({ term, children }: { term: string; children: ReactNode }) {
  if (children === null || children === false || children === '') return null
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  )
}
