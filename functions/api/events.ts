import { eventsQuery } from '../../shared/contract/events.ts'
import { eventStore } from '../../shared/events/event-store.ts'
import { environmentOwnerEdge } from '../../shared/http/edge.ts'
import { api, owner, page } from '../../shared/http/endpoint.ts'
import { environmentTable } from '../../shared/platform/clients.ts'

const store = eventStore(environmentTable())

export const handler = api(environmentOwnerEdge(), {
  'GET /api/events': owner({ query: eventsQuery }, async ({ userId, query }) => {
    const { events, cursor } = await store.list(userId, query)
    return page({ events }, cursor)
  }),
})
