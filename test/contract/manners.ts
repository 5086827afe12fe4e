/** Where providers differ within the port; every word has its test. */
export interface Manners {
  /** A folder, or a file, within a folder that does not exist. */
  missingFolder: 'PARENT_GONE' | 'is made'
  /** Making a folder that its owner has thrown away. */
  binnedFolder: 'FOLDER_GONE' | 'is made again'
  binnedFile: 'is kept under its id' | 'is gone'
  /** A file whose id has another content already. */
  otherContent: 'is returned' | 'ID_UNUSABLE'
  /** What a file calls itself. */
  ownId: 'the id of its making' | 'another'
  /** A chunk that begins before where its session is, and one that begins beyond. */
  overlap: 'is skipped' | 'is refused'
  gap: 'SESSION_LOST' | 'is refused'
  /** Less than a chunk was stored. */
  partOfChunk: 'is told at once' | 'is told when asked'
  /** A question about a session whose file is made. */
  endedSession: 'names its file' | 'is lost'
  mimeType: 'is kept' | 'is not kept'
  downloadLink: 'undefined' | 'string'
}

/** Of a provider that reserves ids, as Drive does. */
export const RESERVING_MANNERS: Manners = {
  missingFolder: 'PARENT_GONE',
  binnedFolder: 'FOLDER_GONE',
  binnedFile: 'is kept under its id',
  otherContent: 'is returned',
  ownId: 'the id of its making',
  overlap: 'is skipped',
  gap: 'SESSION_LOST',
  partOfChunk: 'is told at once',
  endedSession: 'names its file',
  mimeType: 'is kept',
  downloadLink: 'undefined',
}
