/** Files as the browser hands them over: chosen, pasted, or dropped with whole folders. */
import type { ChosenFile } from './upload/upload-item.ts'

export function filesOfInput(list: FileList): ChosenFile[] {
  return inOrder(Array.from(list, (file) => ({ file, relativePath: file.webkitRelativePath })))
}

/** Must be called within the event: browsers empty the transfer after it. */
export function filesOfTransfer(transfer: DataTransfer): Promise<ChosenFile[]> {
  const items = Array.from(transfer.items).filter((item) => item.kind === 'file')
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null)
  const loose = Array.from(transfer.files, (file) => ({ file, relativePath: '' }))
  if (entries.length === 0 || entries.includes(null)) return Promise.resolve(loose)
  return filesOfEntries(entries.filter((entry) => entry !== null)).then(inOrder)
}

async function filesOfEntries(entries: FileSystemEntry[]): Promise<ChosenFile[]> {
  const found: ChosenFile[] = []
  for (const entry of entries) {
    if (isFile(entry)) {
      const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject))
      const path = entry.fullPath.replace(/^\//, '')
      found.push({ file, relativePath: path.includes('/') ? path : '' })
    } else if (isFolder(entry)) {
      found.push(...(await filesOfEntries(await entriesOf(entry))))
    }
  }
  return found
}

/** A folder is read until it gives nothing more: Chromium hands out a hundred entries at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return all
    all.push(...some)
  }
}

const collator = new Intl.Collator(undefined, { numeric: true })

/** Browsers read folders in no order; files chosen one by one stay as they were chosen. */
function inOrder(files: ChosenFile[]): ChosenFile[] {
  return files.sort((a, b) => collator.compare(a.relativePath, b.relativePath))
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory
}
