/** How rclone is set up on each provider to be as fast as it can. */
import { DROPBOX_HOSTS } from '../../infra/local/providers/dropbox/dropbox-emulator.ts'
import { GOOGLE_HOSTS } from '../../infra/local/providers/google/google-emulator.ts'
import type { OauthProviderId } from '../../shared/providers/providers.ts'

interface RcloneRemote {
  /** The provider's own host names, to which alone rclone speaks. */
  hosts: readonly string[]
  /** Members of the remote's section. */
  config: Record<string, string>
  flags: string[]
  /** How it is set up, as figures tell it. */
  terms: string
  authorizePath: string
  tokenPath: string
  scope: string
  /** What asks for a refresh token. */
  offline: Record<string, string>
}

export const RCLONE_REMOTES: Record<OauthProviderId, RcloneRemote> = {
  google: {
    hosts: GOOGLE_HOSTS,
    config: { type: 'drive', scope: 'drive.file' },
    flags: [
      // Its pacer waits 100 ms between calls otherwise.
      ...['--drive-pacer-min-sleep', '0s', '--drive-pacer-burst', '10000'],
      // The chunks that our driver sends.
      ...['--drive-chunk-size', '32Mi'],
    ],
    terms: 'rclone with chunks of 32 MiB, its pacer at 0',
    authorizePath: '/o/oauth2/v2/auth',
    tokenPath: '/token',
    scope: 'https://www.googleapis.com/auth/drive.file',
    offline: { access_type: 'offline', prompt: 'consent' },
  },
  dropbox: {
    hosts: DROPBOX_HOSTS,
    config: { type: 'dropbox' },
    // Its own chunks are those of our driver, its own batches as large as its transfers.
    flags: [],
    terms:
      'rclone as it comes: chunks of 48 MiB, batches, its pacer at 10 ms, which no flag changes',
    authorizePath: '/oauth2/authorize',
    tokenPath: '/oauth2/token',
    scope: 'account_info.read files.metadata.read files.content.write files.content.read',
    offline: { token_access_type: 'offline' },
  },
}

/** For a process that is told its provider in words. */
export function mustBeProvider(id = ''): OauthProviderId {
  if (!Object.hasOwn(RCLONE_REMOTES, id)) throw new Error(`there is no provider ${id}`)
  return id as OauthProviderId
}
