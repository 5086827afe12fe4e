import { notificationsRequest, profileRequest } from '../../shared/contract/settings.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, json, owner } from '../../shared/http/endpoint.ts'
import * as settings from '../../shared/users/change-settings.ts'
import { environmentSettings } from '../../shared/users/environment.ts'

const deps = environmentSettings()

export const handler = api(environmentOwnerEdge(), {
  'GET /api/settings/profile': owner({}, async ({ userId }) =>
    json(200, await settings.getProfile(deps, userId)),
  ),
  'PUT /api/settings/profile': owner({ body: profileRequest }, async ({ userId, body }) =>
    json(200, await settings.putProfile(deps, userId, body)),
  ),
  'GET /api/settings/notifications': owner({}, async ({ userId }) =>
    json(200, await settings.getNotifications(deps, userId)),
  ),
  'PUT /api/settings/notifications': owner(
    { body: notificationsRequest },
    async ({ userId, body }) => json(200, await settings.putNotifications(deps, userId, body)),
  ),
})
