import type { ProviderFacts } from '../facts.ts'

export const dropbox = {
  oauthId: 'dropbox',
  name: 'Dropbox',
  signInName: 'Dropbox',
  hosts: {
    // https://www.dropbox.com/developers/documentation/http/documentation#formats
    wwwUrl: { variable: 'DROPBOX_WWW_URL', origin: 'https://www.dropbox.com' },
    apiUrl: { variable: 'DROPBOX_API_URL', origin: 'https://api.dropboxapi.com' },
    contentUrl: { variable: 'DROPBOX_CONTENT_URL', origin: 'https://content.dropboxapi.com' },
  },
  // "The maximum size of a file one can upload to an upload session is 2^41 - 2^22 (2,199,019,061,248) bytes"
  // (https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-start)
  maxFileBytes: 2 ** 41 - 2 ** 22,
  provesBy: 'contentHash',
  // Told by its help page (https://help.dropbox.com/organize/file-names), which since October 2025 names emoji no more.
  refuses: {
    // A backslash, and a space at the end.
    characters: /\\|\s$/gu,
    // System files, and what applications keep for a moment.
    names:
      /^(desktop\.ini|thumbs\.db|\.ds_store|\.dropbox(\.attr|\.cache)?|~\$.*|\.~.*|~.*\.tmp)$/i,
  },
  client: "the app in Dropbox's App Console",
  // Apps may delete for good in teams only (https://www.dropbox.com/developers/documentation/http/documentation#files-permanently_delete).
  afterDeletion:
    'It is deleted from your Dropbox, which keeps it among your deleted files for a while.',
} as const satisfies ProviderFacts
