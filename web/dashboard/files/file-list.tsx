import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/Table.css'
import { ActionIcon, Table } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { UploadReply } from '../../../shared/contract/uploads.ts'
import { formatBytes } from '../../common/format.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { AtProvider } from '../shell/at-provider.tsx'
import { DeleteIcon, DetailsIcon } from '../shell/icons.tsx'
import { LOCALE } from '../shell/locale.ts'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'
import { DownloadButton } from './download-button.tsx'
import { RetryButton } from './retry-button.tsx'
import {
  clientFolder,
  describeStorage,
  describeUpload,
  isOnItsWay,
  otherName,
} from './upload-status.ts'

interface FileListProps {
  uploads: UploadReply[]
  portalName: (portalId: string) => string
  onDetails: (upload: UploadReply) => void
  onDelete: (upload: UploadReply) => void
}

/** A table where there is room for one, cards elsewhere. */
export function FileList(props: FileListProps) {
  const wide = useMediaQuery('(min-width: 64em)', true, { getInitialValueInEffect: false })
  return wide ? <FileTable {...props} /> : <FileCards {...props} />
}

function FileTable({ uploads, portalName, onDetails, onDelete }: FileListProps) {
  return (
    <div className="card table-card">
      <Table verticalSpacing="sm" horizontalSpacing="md" className="file-table">
        <caption className="visually-hidden">Files, newest first</caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">File</Table.Th>
            <Table.Th scope="col">From</Table.Th>
            <Table.Th scope="col">Status</Table.Th>
            <Table.Th scope="col">When</Table.Th>
            <Table.Th scope="col">
              <span className="visually-hidden">Actions</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {uploads.map((upload) => (
            <Table.Tr key={upload.id}>
              <Table.Th scope="row" className="file-cell">
                <FileName upload={upload} />
              </Table.Th>
              <Table.Td className="from-cell">
                <From upload={upload} portalName={portalName} />
              </Table.Td>
              <Table.Td className="status-cell">
                <Status upload={upload} />
              </Table.Td>
              <Table.Td className="when-cell">
                <When upload={upload} />
              </Table.Td>
              <Table.Td>
                <Actions upload={upload} onDetails={onDetails} onDelete={onDelete} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function FileCards({ uploads, portalName, onDetails, onDelete }: FileListProps) {
  return (
    <ul className="file-cards" aria-label="Files, newest first">
      {uploads.map((upload) => (
        <li key={upload.id} className="card file-card">
          <FileName upload={upload} />
          <Status upload={upload} />
          <From upload={upload} portalName={portalName} />
          <When upload={upload} />
          <Actions upload={upload} onDetails={onDetails} onDelete={onDelete} />
        </li>
      ))}
    </ul>
  )
}

function FileName({ upload }: { upload: UploadReply }) {
  const folder = clientFolder(upload.relativePath)
  const stored = otherName(upload)
  return (
    <div className="file-name">
      <strong>{upload.fileName}</strong>
      <span className="quiet">
        {formatBytes(upload.fileSize, LOCALE)}
        {folder !== null && ` · in ${folder}`}
      </span>
      {stored !== null && <span className="quiet">Stored as “{stored}”</span>}
    </div>
  )
}

function From({
  upload,
  portalName,
}: {
  upload: UploadReply
  portalName: FileListProps['portalName']
}) {
  return (
    <div className="stacked">
      <span>{portalName(upload.portalId)}</span>
      <span className="quiet">{upload.clientName ?? upload.clientEmail ?? 'unnamed client'}</span>
    </div>
  )
}

function Status({ upload }: { upload: UploadReply }) {
  const state = describeUpload(upload)
  const storage = describeStorage(upload)
  return (
    <div className="stacked" data-status={upload.status}>
      <StatusLabel color={state.color} busy={isOnItsWay(upload)}>
        {state.label}
      </StatusLabel>
      {state.explanation !== undefined && <span className="quiet">{state.explanation}</span>}
      {upload.storagePath !== null && (
        <span className="quiet wrap-anywhere">
          <span className="visually-hidden">to </span>
          {upload.storagePath}
        </span>
      )}
      {hasPlace(upload) && (
        <span className="quiet">
          <span className="visually-hidden">Storage: </span>
          <AtProvider id={upload.storageProvider}>
            {PROVIDER_NAMES[upload.storageProvider]}
          </AtProvider>{' '}
          <StatusLabel color={storage.color}>{storage.label}</StatusLabel>
        </span>
      )}
    </div>
  )
}

/** What ended before it reached any storage has none to speak of. */
function hasPlace(upload: UploadReply): boolean {
  return upload.storageAccountId !== null || isOnItsWay(upload) || upload.status === 'held'
}

function When({ upload }: { upload: UploadReply }) {
  const { createdAt, receivedAt, deliveredAt } = upload
  return (
    <div className="stacked quiet">
      {receivedAt === null ? (
        <span>
          Announced <Time value={createdAt} />
        </span>
      ) : (
        <span>
          Received <Time value={receivedAt} />
          {upload.late && ', late'}
        </span>
      )}
      {deliveredAt !== null && (
        <span>
          Delivered <Time value={deliveredAt} />
        </span>
      )}
    </div>
  )
}

function Actions({
  upload,
  onDetails,
  onDelete,
}: Pick<FileListProps, 'onDetails' | 'onDelete'> & { upload: UploadReply }) {
  return (
    <div className="file-actions">
      {upload.status === 'uploaded' && <DownloadButton upload={upload} />}
      {upload.status === 'held' && <RetryButton upload={upload} />}
      <ActionIcon
        variant="subtle"
        size={30}
        aria-label={`Details of ${upload.fileName}`}
        title="Details"
        onClick={() => onDetails(upload)}
      >
        <DetailsIcon />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="danger"
        size={30}
        aria-label={`Delete ${upload.fileName}`}
        title="Delete"
        onClick={() => onDelete(upload)}
      >
        <DeleteIcon />
      </ActionIcon>
    </div>
  )
}
