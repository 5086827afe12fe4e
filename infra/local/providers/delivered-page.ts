/** The page at `/` of a provider emulator: accounts and what was delivered to them. */
import type { ControlledAccount, ControlledProvider, DeliveredFile } from './control-api.ts'
import { escapeHtml, htmlPage } from './html.ts'

/** A browser shows no more usefully; the control API lists everything. */
const MAX_ROWS = 2000

export async function deliveredPage(
  providerName: string,
  provider: ControlledProvider,
): Promise<string> {
  const accounts = await Promise.all(
    provider.accounts().map(async (account) => {
      return accountSection(account, await provider.files(account.email))
    }),
  )
  return htmlPage(
    `${providerName} emulator`,
    `<h1>${escapeHtml(providerName)} emulator</h1>
<p class="quiet">Stands in for ${escapeHtml(providerName)} on this machine. Nothing here leaves it. <a href="/">Refresh</a></p>
${accounts.join('\n')}`,
  )
}

function accountSection(account: ControlledAccount, files: DeliveredFile[]): string {
  const { usedBytes, totalBytes } = account.quota
  const room =
    totalBytes === null ? 'no limit' : `${readableSize(usedBytes)} of ${readableSize(totalBytes)}`
  const rows = files.slice(0, MAX_ROWS).map(fileRow).join('\n')
  const rest =
    files.length > MAX_ROWS ? `<p class="quiet">and ${files.length - MAX_ROWS} more</p>` : ''
  const table =
    files.length === 0
      ? '<p class="quiet">No files yet.</p>'
      : `<table><thead><tr><th>File</th><th>Size</th><th>SHA-256</th></tr></thead><tbody>\n${rows}\n</tbody></table>${rest}`
  return `<section><h2>${escapeHtml(account.name)} <span class="quiet">${escapeHtml(account.email)}</span></h2>
<p class="quiet">${files.length} ${files.length === 1 ? 'file' : 'files'}, ${room}</p>
${table}</section>`
}

function fileRow(file: DeliveredFile): string {
  const name = file.trashed
    ? `<span class="trashed">${escapeHtml(file.path)}</span> <span class="quiet">in the bin</span>`
    : escapeHtml(file.path)
  return `<tr><td class="path">${name}</td><td class="number" title="${file.size} bytes">${readableSize(file.size)}</td><td><code>${escapeHtml(file.sha256)}</code></td></tr>`
}

function readableSize(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
