/** What axe-core and the eye find wrong with a page, on a telephone and on a desk, in both colour schemes. */
import { type AxeResults, source } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { expect } from 'vitest'

/** All that the colour scheme changes. */
const CONTRAST = 'color-contrast'
const LOOKS = (['light', 'dark'] as const).flatMap((colorScheme) => [
  { colorScheme, width: 320, height: 740 },
  { colorScheme, width: 1280, height: 800 },
])

/** A page that axe-core may enter: the content security policy would keep it out. */
export async function openPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ bypassCSP: true, reducedMotion: 'reduce' })
  return context.newPage()
}

/** What is wrong with the page as it stands, in any of the looks. */
export async function faultsOf(page: Page): Promise<string[]> {
  const found: string[] = []
  await page.evaluate(source)
  for (const { colorScheme, width, height } of LOOKS) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme })
    await settled(page, colorScheme)
    const rules = colorScheme === 'dark' ? [CONTRAST] : undefined
    const options = JSON.stringify({ resultTypes: ['violations'], runOnly: rules })
    const { violations, passes } = await page.evaluate<AxeResults>(`axe.run(document, ${options})`)
    expect(passes.map(({ id }) => id)).toContain(CONTRAST)
    for (const { id, help, nodes } of violations) {
      const targets = nodes.map(({ target }) => target.join(' ')).join(', ')
      found.push(`${colorScheme} ${width} px: ${id} (${help}): ${targets}`)
    }
    // WCAG 2.2, 1.4.10: nothing has to be scrolled sideways.
    const overflowPx = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    if (overflowPx > 0) found.push(`${colorScheme} ${width} px: ${overflowPx} px too wide`)
  }
  return found
}

/** Contrast is judged once the scheme has reached the page and its colours have changed. */
async function settled(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.waitForFunction((wanted) => {
    const shown = document.documentElement.dataset['mantineColorScheme']
    return shown === undefined || shown === wanted
  }, colorScheme)
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  )
  await page.waitForFunction(() =>
    document.getAnimations().every(({ playState }) => playState !== 'running'),
  )
}
