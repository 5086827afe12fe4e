import { eventsQuery, eventsReply } from '../events.ts'
import type { RouteContract, RouteKey } from '../route.ts'
import * as contract from '../settings.ts'
import { ACCOUNT_ID, EVENT_ID, USER_ID } from './example-ids.ts'

const profile = {
  name: 'User Name',
  email: 'user@example.com',
  locale: 'en',
  singleEmailPerProvider: false,
} satisfies contract.ProfileReply

const notifications = {
  newFiles: true,
  accountProblems: true,
} satisfies contract.NotificationsReply

export const SETTINGS_ROUTES = {
  'GET /api/settings/profile': {
    id: 'getProfile',
    tag: 'Settings',
    summary: 'The owner’s profile',
    caller: 'owner',
    replies: {
      200: {
        summary: 'The profile',
        json: { schema: contract.profileReply, examples: { profile } },
      },
    },
  },
  'PUT /api/settings/profile': {
    id: 'putProfile',
    tag: 'Settings',
    summary: 'Change the profile',
    description:
      'Members that are absent stay as they are. The e-mail address is the provider’s and cannot be changed here.',
    caller: 'owner',
    body: {
      schema: contract.profileRequest,
      examples: {
        'a name and a language': { name: 'User Name', locale: 'de' },
        'one address per provider': { singleEmailPerProvider: true },
      },
    },
    replies: {
      200: {
        summary: 'The profile as it is now',
        json: { schema: contract.profileReply, examples: { profile } },
      },
    },
  },
  'GET /api/settings/notifications': {
    id: 'getNotifications',
    tag: 'Settings',
    summary: 'Which mails the owner wants',
    caller: 'owner',
    replies: {
      200: {
        summary: 'The mails',
        json: { schema: contract.notificationsReply, examples: { notifications } },
      },
    },
  },
  'PUT /api/settings/notifications': {
    id: 'putNotifications',
    tag: 'Settings',
    summary: 'Choose which mails to get',
    description: 'Members that are absent stay as they are.',
    caller: 'owner',
    body: {
      schema: contract.notificationsRequest,
      examples: { 'no mail for new files': { newFiles: false } },
    },
    replies: {
      200: {
        summary: 'The mails as they are now',
        json: { schema: contract.notificationsReply, examples: { notifications } },
      },
    },
  },
  'GET /api/events': {
    id: 'listEvents',
    tag: 'Events',
    summary: 'What happened, newest first',
    description:
      'Who did what to which record, why, and its state before and after. With `subjectId` a page may be short although more follows: go on while there is a cursor.',
    caller: 'owner',
    query: eventsQuery,
    replies: {
      200: {
        summary: 'A page of events',
        headers: ['X-Next-Cursor'],
        json: {
          schema: eventsReply,
          examples: {
            'an account was paused': {
              events: [
                {
                  id: EVENT_ID,
                  type: 'account.status-changed',
                  at: '2026-03-01T12:00:00.000Z',
                  actor: USER_ID,
                  subjectId: ACCOUNT_ID,
                  before: 'ACTIVE',
                  after: 'INACTIVE',
                  reason: 'USER_DEACTIVATED',
                },
              ],
            },
          },
        },
      },
    },
  },
} as const satisfies Record<RouteKey, RouteContract>
