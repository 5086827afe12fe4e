/** Every sentence of the page. A language is one object of this shape; English answers for all others. */
import type { StorageProviderId } from '../../shared/contract/common.ts'
import { formatBytes, formatDuration, formatPercent } from '../common/format.ts'
import { PROVIDER_NAMES } from '../common/provider-names.ts'
import { formatMoment, formatTimeOfDay } from './moment.ts'
import { typeWords } from './type-words.ts'

export interface Messages {
  locale: string
  loading: string
  pageTitle: (portal: string) => string
  eyebrow: string
  lead: string
  footer: string

  notFoundTitle: string
  notFoundText: string
  lockedText: string
  password: string
  show: string
  hide: string
  showPassword: string
  hidePassword: string
  openPortal: string
  checkingPassword: string
  passwordMissing: string
  passwordWrong: string
  passwordNotSent: string
  tooManyPasswords: (waitMs: number, untilMs: number) => string
  closedTitle: string
  closedText: string
  pausedTitle: string
  pausedText: string
  fullTitle: string
  fullText: string
  lateTitle: string
  lateText: (deadlineMs: number | undefined) => string
  waitTitle: string
  waitText: (waitMs: number, untilMs: number) => string
  loadFailedTitle: string
  loadFailedText: string
  tryAgain: string

  instructions: string
  deadline: (deadlineMs: number) => string
  afterDeadline: (deadlineMs: number) => string
  fileRules: (allowedTypes: readonly string[], maxFileBytes: number | undefined) => string

  chooseFiles: string
  chooseFilesHint: string
  dropHere: string
  chooseFolder: string
  dropUnreadable: string
  addFiles: string
  repeated: (count: number) => string
  resumed: (count: number) => string
  added: (count: number) => string
  notAdded: (count: number) => string

  aboutYou: string
  clientName: string
  clientEmail: string
  clientMessage: string
  optional: string
  nameMissing: string
  emailMissing: string
  emailIllFormed: string
  messageMissing: string
  messageTooLong: string
  serverSays: (message: string) => string

  send: (count: number) => string
  nothingChosen: string
  chosen: (count: number, bytes: number) => string

  sendingTitle: (count: number) => string
  finishingTitle: string
  pausedByYouTitle: string
  pausedByYouText: string
  progressLabel: string
  fileProgress: (name: string) => string
  progress: (sent: number, total: number) => string
  filesDone: (done: number, total: number) => string
  speed: (bytesPerSecond: number) => string
  remaining: (ms: number) => string
  percent: (fraction: number) => string
  pause: string
  resume: string
  cancelAll: string
  cancelAllTitle: string
  cancelAllText: string
  cancelAllYes: string
  cancelAllNo: string

  networkTitle: string
  networkText: string
  passwordAgainTitle: string
  passwordAgainText: string
  notTakenTitle: string
  busyTitle: string
  busyText: (untilMs: number) => string
  enoughTodayTitle: string
  enoughTodayText: (untilMs: number) => string
  serverTitle: string

  receivedTitle: string
  receivedText: (count: number, portal: string) => string
  heldTitle: string
  heldText: (portal: string) => string
  deliveredTitle: string
  deliveredText: (count: number, portal: string) => string
  startOver: string

  failedTitle: (count: number) => string
  failedText: (received: number) => string
  retryAll: string
  refusedTitle: (count: number) => string
  refusedText: string
  missingTitle: (count: number) => string
  missingText: string
  forgetMissing: string

  listTitle: string
  listCount: (count: number) => string
  fileSize: (bytes: number) => string
  waiting: string
  paused: string
  finishing: string
  received: string
  held: string
  delivered: (provider: StorageProviderId | undefined) => string
  refused: string
  missing: string
  wrongType: (allowedTypes: readonly string[]) => string
  tooLarge: (maxFileBytes: number) => string
  badName: string
  unreadable: string
  uploadClosed: string
  notSent: (detail: string) => string
  removeFile: (name: string) => string
  cancelFile: (name: string) => string
  retryFile: (name: string) => string

  announceProgress: (fraction: number, remainingMs: number | undefined) => string
}

const LOCALE = 'en'
const number = new Intl.NumberFormat(LOCALE)
const allOf = new Intl.ListFormat(LOCALE, { type: 'conjunction' })
const oneOf = new Intl.ListFormat(LOCALE, { type: 'disjunction' })

function files(count: number): string {
  return count === 1 ? '1 file' : `${number.format(count)} files`
}

function whole(count: number): string {
  if (count === 1) return 'Your file'
  return count === 2 ? 'Both files' : `All ${files(count)}`
}

const english: Messages = {
  locale: LOCALE,
  loading: 'Loading…',
  pageTitle: (portal) => `Send files – ${portal}`,
  eyebrow: 'Send files to',
  lead: 'No account needed. You see here when every file has arrived.',
  footer: 'Carried by Portage. Every file is checked on arrival.',

  notFoundTitle: 'This link leads nowhere',
  notFoundText: 'Please check it for typing errors, or ask the person who sent it for a new one.',
  lockedText: 'This page asks for a password. The person who sent you the link knows it.',
  password: 'Password',
  show: 'Show',
  hide: 'Hide',
  showPassword: 'Show password',
  hidePassword: 'Hide password',
  openPortal: 'Open',
  checkingPassword: 'Checking…',
  passwordMissing: 'Please enter the password.',
  passwordWrong: 'This password is not right. Check it for typing errors, or ask for it again.',
  passwordNotSent: 'The password could not be checked. Please try again in a moment.',
  tooManyPasswords: (waitMs, untilMs) =>
    `Too many passwords were tried from here. Please wait for ${formatDuration(waitMs, LOCALE)}, until ${formatTimeOfDay(untilMs, LOCALE)}.`,
  closedTitle: 'This page is closed',
  closedText:
    'No more files are taken here. If you still have something to send, ask for a new link.',
  pausedTitle: 'Taking a short break',
  pausedText:
    'Files cannot be taken at the moment. Please try again later: the link stays the same.',
  fullTitle: 'This page is full',
  fullText: 'No more files fit in here. If you still have something to send, ask for a new link.',
  lateTitle: 'The deadline has passed',
  lateText: (deadlineMs) =>
    `${deadlineMs === undefined ? '' : `It was ${formatMoment(deadlineMs, LOCALE)}, your time. `}If you still have something to send, ask for a new link.`,
  waitTitle: 'Please wait a little',
  waitText: (waitMs, untilMs) =>
    `Too many links that lead nowhere were tried from here. Please try again in ${formatDuration(waitMs, LOCALE)}, at ${formatTimeOfDay(untilMs, LOCALE)}.`,
  loadFailedTitle: 'The page could not be loaded',
  loadFailedText: 'The connection may be interrupted. Nothing is lost.',
  tryAgain: 'Try again',

  instructions: 'What is asked for',
  deadline: (deadlineMs) =>
    `Please send everything by ${formatMoment(deadlineMs, LOCALE)}, your time.`,
  afterDeadline: (deadlineMs) =>
    `The deadline was ${formatMoment(deadlineMs, LOCALE)}, your time. Files are still taken, and marked as late.`,
  fileRules: (allowedTypes, maxFileBytes) => {
    const size = maxFileBytes === undefined ? '' : `up to ${formatBytes(maxFileBytes, LOCALE)}`
    if (allowedTypes.length === 0) return size === '' ? '' : `Files of ${size} each are taken.`
    const kinds = allOf.format(typeWords(allowedTypes))
    return `Only ${kinds} are taken${size === '' ? '' : `, ${size} each`}.`
  },

  chooseFiles: 'Choose files',
  chooseFilesHint: 'or drop files and folders here, or paste them',
  dropHere: 'Drop to add',
  chooseFolder: 'Choose a folder',
  dropUnreadable: 'Some of it could not be read. Please choose it with the button.',
  addFiles: 'Add more files',
  repeated: (count) =>
    count === 1 ? '1 file is in the list already.' : `${files(count)} are in the list already.`,
  resumed: (count) => `${files(count)} recognised: sending goes on where it stopped.`,
  added: (count) => `${files(count)} added.`,
  notAdded: (count) => `${files(count)} cannot be sent: the list says why.`,

  aboutYou: 'About you',
  clientName: 'Your name',
  clientEmail: 'Your e-mail address',
  clientMessage: 'Message',
  optional: 'optional',
  nameMissing: 'Please enter your name.',
  emailMissing: 'Please enter your e-mail address.',
  emailIllFormed: 'Please enter an address like name@example.com.',
  messageMissing: 'Please write a message.',
  messageTooLong: 'Please keep the message below 2,000 characters.',
  serverSays: (message) => `This ${message}.`,

  send: (count) => (count === 0 ? 'Send' : `Send ${files(count)}`),
  nothingChosen: 'Please choose at least one file first.',
  chosen: (count, bytes) => `${files(count)}, ${formatBytes(bytes, LOCALE)}`,

  sendingTitle: (count) => `Sending ${files(count)}`,
  finishingTitle: 'Almost there',
  pausedByYouTitle: 'Paused',
  pausedByYouText: 'What is sent is kept.',
  progressLabel: 'Progress of all files',
  fileProgress: (name) => `Progress of ${name}`,
  progress: (sent, total) => `${formatBytes(sent, LOCALE)} of ${formatBytes(total, LOCALE)}`,
  filesDone: (done, total) => `${number.format(done)} of ${files(total)}`,
  speed: (bytesPerSecond) => `${formatBytes(bytesPerSecond, LOCALE)}/s`,
  remaining: (ms) => `about ${formatDuration(ms, LOCALE)} left`,
  percent: (fraction) => formatPercent(fraction, LOCALE),
  pause: 'Pause',
  resume: 'Resume',
  cancelAll: 'Cancel all',
  cancelAllTitle: 'Cancel sending?',
  cancelAllText: 'Files that are received already stay received. The others are taken back.',
  cancelAllYes: 'Yes, cancel',
  cancelAllNo: 'Keep sending',

  networkTitle: 'The connection is interrupted',
  networkText: 'What is sent is kept. Sending goes on by itself when the connection is back.',
  passwordAgainTitle: 'Please enter the password again',
  passwordAgainText:
    'It opens this page for an hour, or it was changed. What you chose is kept, and what is sent too.',
  notTakenTitle: 'Not all of these files are taken',
  busyTitle: 'A short break',
  busyText: (untilMs) =>
    `Too much is being sent from here at once. Finish or cancel what you have begun elsewhere, or keep this page open: sending goes on by itself at ${formatTimeOfDay(untilMs, LOCALE)}.`,
  enoughTodayTitle: 'Enough for today',
  enoughTodayText: (untilMs) =>
    `Today no more files of this size are taken. Please send fewer, or come back after ${formatMoment(untilMs, LOCALE)}, your time.`,
  serverTitle: 'The server does not answer as it should',

  receivedTitle: 'Received – you may close this page',
  receivedText: (count, portal) =>
    `${whole(count)} ${count === 1 ? 'is' : 'are'} safely here and on the way to ${portal}. This page shows when that is done.`,
  heldTitle: 'Received, waiting for delivery',
  heldText: (portal) =>
    `Everything is safely here and you may close this page. Delivery to ${portal} goes on by itself as soon as its storage is available again.`,
  deliveredTitle: 'Delivered',
  deliveredText: (count, portal) =>
    `${whole(count)} ${count === 1 ? 'has' : 'have'} arrived at ${portal}, complete and unchanged.`,
  startOver: 'Clear the list',

  failedTitle: (count) => `${files(count)} could not be sent`,
  failedText: (received) =>
    received === 0
      ? 'The list below says why.'
      : `${files(received)} arrived. The list below says what went wrong with the others.`,
  retryAll: 'Try again',
  refusedTitle: (count) => `${files(count)} will not be delivered`,
  refusedText: 'A check on arrival refused what the list below marks. Please ask the recipient.',
  missingTitle: (count) => `${files(count)} unfinished`,
  missingText:
    'This page was closed before everything was sent. Choose the same files again and sending goes on where it stopped.',
  forgetMissing: 'Do not send them',

  listTitle: 'Your files',
  listCount: files,
  fileSize: (bytes) => formatBytes(bytes, LOCALE),
  waiting: 'Waiting',
  paused: 'Paused',
  finishing: 'Finishing…',
  received: 'Received',
  held: 'Received, waiting for delivery',
  delivered: (provider) => (provider ? `Delivered to ${PROVIDER_NAMES[provider]}` : 'Delivered'),
  refused: 'Refused by a check on arrival',
  missing: 'Unfinished: please choose it again',
  wrongType: (allowedTypes) =>
    `Not a kind of file that is taken here. Please send it as ${oneOf.format(typeWords(allowedTypes))}`,
  tooLarge: (maxFileBytes) =>
    `Larger than the ${formatBytes(maxFileBytes, LOCALE)} that are taken here. Please make it smaller`,
  badName: 'Its name is too long or holds a slash; please rename it',
  unreadable: 'It can no longer be read: it was moved or changed. Please choose it again',
  uploadClosed: 'It could not be sent in time',
  notSent: (detail) => `Not sent: ${detail}`,
  removeFile: (name) => `Remove ${name}`,
  cancelFile: (name) => `Cancel ${name}`,
  retryFile: (name) => `Try ${name} again`,

  announceProgress: (fraction, remainingMs) =>
    remainingMs === undefined
      ? `${formatPercent(fraction, LOCALE)} sent`
      : `${formatPercent(fraction, LOCALE)} sent, about ${formatDuration(remainingMs, LOCALE)} left`,
}

const LANGUAGES: Record<string, Messages> = { en: english }

/** The first language of the reader that the page speaks. */
export function messagesFor(languages: readonly string[]): Messages {
  for (const language of languages) {
    const known = LANGUAGES[language.split('-')[0]?.toLowerCase() ?? '']
    if (known) return known
  }
  return english
}
