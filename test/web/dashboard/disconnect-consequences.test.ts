import { describe, expect, it } from 'vitest'
import { whatDisconnectingStops } from '../../../web/dashboard/accounts/disconnect-consequences.ts'

describe('Before an account is disconnected (C2)', () => {
  it.each([
    [['a', 'b'], '2 portals stop taking files'],
    [['a'], '1 portal stops taking files'],
    [[], 'No open portal stops'],
    [undefined, 'Portals that deliver here stop'],
  ])('the portals that stop are counted', (portals, told) => {
    expect(whatDisconnectingStops(portals, undefined).portals).toContain(told)
  })

  it.each([
    [{ delivered: 3, more: false }, '3 delivered files become unreachable'],
    [{ delivered: 1, more: false }, '1 delivered file becomes unreachable'],
    [{ delivered: 99, more: true }, 'More than 99 delivered files become unreachable'],
    [{ delivered: 0, more: false }, 'there are none'],
    [{ delivered: 0, more: true }, 'Delivered files become unreachable'],
    [undefined, 'Delivered files become unreachable'],
  ])('its files are counted: %j', (files, told) => {
    expect(whatDisconnectingStops([], files).files).toContain(told)
  })
})
