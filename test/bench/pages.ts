/**
 * What the pages weigh and how soon they show. Lighthouse judges them where its command is (on the
 * path, or named by LIGHTHOUSE); it is no dependency, because it brings 170 MB of packages. Chromium
 * alone gives the web vitals on a slow telephone, and axe-core counts violations.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { CHROMIUM, launchBrowser } from '../e2e/browser.ts'
import { type BenchCloud, SLUG, withBenchCloud } from './bench-cloud.ts'
import { type Figure, overRounds } from './figure.ts'
import { gzipBytes, loadedFiles } from './page-files.ts'

const execute = promisify(execFile)
const LIGHTHOUSE = process.env['LIGHTHOUSE'] ?? 'lighthouse'
const SESSION_COOKIE = 'portage_session'
const ROUNDS = 3
/** What Lighthouse takes for a telephone: its CPU four times slower, 1.6 Mbit/s, 150 ms. */
const SLOWER_CPU = 4
const NETWORK = {
  offline: false,
  latency: 150,
  downloadThroughput: 200_000,
  uploadThroughput: 93_750,
}
const QUIET_MS = 1500
/** Links to portals are for those who get them: their pages tell search engines to stay away. */
const NOT_JUDGED = ['is-crawlable']

export async function measurePageSizes(stage: BuiltStage): Promise<Figure[]> {
  return [
    { name: 'portal page', file: 'portal.html', atMost: 30 },
    { name: 'dashboard, first load', file: 'index.html', atMost: 200 },
  ].map(({ name, file, atMost }) => {
    const files = loadedFiles(stage.siteDir, file)
    const size = (some: string[]) => some.reduce((sum, each) => sum + gzipBytes(each), 0) / 1000
    const all = size([join(stage.siteDir, file), ...files])
    return {
      name: `JavaScript of the ${name}`,
      value: size(files.filter((each) => each.endsWith('.js'))),
      unit: 'KB gz',
      atMost,
      terms: `everything that it loads: ${all.toFixed(1)} KB gz in ${files.length + 1} files`,
    }
  })
}

interface JudgedPage {
  name: string
  path: string
  cookie: string | undefined
  /** Shown when the page is there. */
  heading: string
  /** Least score of each of Lighthouse's categories. */
  scores: Record<string, number>
}

export async function measurePages(stage: BuiltStage): Promise<Figure[]> {
  if (!existsSync(CHROMIUM)) {
    return [
      {
        name: 'web vitals, axe and Lighthouse',
        missing: `no Chromium at ${CHROMIUM}; CHROMIUM names another`,
      },
    ]
  }
  return withBenchCloud(stage, async (bench, dir) => {
    const figures: Figure[] = []
    const browser = await launchBrowser()
    try {
      for (const page of pagesOf(bench)) {
        figures.push(...(await vitals(browser, bench.cloud.urls.app, page)))
        figures.push(await violations(browser, bench.cloud.urls.app, page))
      }
    } finally {
      await browser.close()
    }
    for (const page of pagesOf(bench)) {
      figures.push(...(await lighthouse(bench.cloud.urls.app, page, dir)))
    }
    return figures
  })
}

function pagesOf({ owner }: BenchCloud): JudgedPage[] {
  const session = owner.cookie(SESSION_COOKIE)
  return [
    {
      name: 'portal page',
      path: `/p/${SLUG}`,
      cookie: undefined,
      heading: 'Bench',
      scores: { performance: 99, accessibility: 100, 'best-practices': 100, seo: 100 },
    },
    {
      name: 'dashboard',
      path: '/',
      cookie: `${SESSION_COOKIE}=${session}`,
      heading: 'Overview',
      scores: { performance: 90, accessibility: 100 },
    },
  ]
}

async function openPage(browser: Browser, origin: string, { cookie }: JudgedPage): Promise<Page> {
  // axe-core is no script of ours.
  const context = await browser.newContext({
    viewport: { width: 412, height: 823 },
    bypassCSP: true,
  })
  if (cookie !== undefined) {
    const [name = '', value = ''] = cookie.split('=')
    await context.addCookies([{ name, value, url: origin }])
  }
  return context.newPage()
}

interface Vitals {
  lcpMs: number
  cls: number
  blockingMs: number
}

async function vitals(browser: Browser, origin: string, judged: JudgedPage): Promise<Figure[]> {
  const rounds: Vitals[] = []
  while (rounds.length < ROUNDS) {
    const page = await openPage(browser, origin, judged)
    const session = await page.context().newCDPSession(page)
    await session.send('Network.enable')
    await session.send('Network.emulateNetworkConditions', NETWORK)
    await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER_CPU })
    await page.addInitScript({ content: OBSERVE })
    await page.goto(`${origin}${judged.path}`)
    await page.getByRole('heading', { name: judged.heading }).first().waitFor()
    await page.waitForTimeout(QUIET_MS)
    rounds.push(await page.evaluate<Vitals>('vitals'))
    await page.context().close()
  }
  const over = (vital: keyof Vitals) => overRounds(rounds.map((round) => round[vital]))
  const terms = `${ROUNDS} rounds without cache, processor ${SLOWER_CPU} × slower, 1.6 Mbit/s, 150 ms; "good" is 2500 ms, 0.1 and 200 ms: https://web.dev/articles/vitals`
  return [
    { name: `largest paint of the ${judged.name}`, ...over('lcpMs'), unit: 'ms', terms },
    { name: `layout shift of the ${judged.name}`, ...over('cls'), unit: '' },
    { name: `blocking of the ${judged.name}`, ...over('blockingMs'), unit: 'ms' },
  ]
}

/** Runs in the page before anything else does. A task blocks for what it takes beyond 50 ms. */
const OBSERVE = `
  const vitals = { lcpMs: 0, cls: 0, blockingMs: 0 }
  globalThis.vitals = vitals
  const watch = (type, note) => {
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true })
  }
  watch('largest-contentful-paint', (entry) => { vitals.lcpMs = entry.startTime })
  watch('layout-shift', (entry) => { vitals.cls += entry.value })
  watch('longtask', (entry) => { vitals.blockingMs += entry.duration - 50 })
`

async function violations(browser: Browser, origin: string, judged: JudgedPage): Promise<Figure> {
  const page = await openPage(browser, origin, judged)
  await page.goto(`${origin}${judged.path}`)
  await page.getByRole('heading', { name: judged.heading }).first().waitFor()
  await page.waitForTimeout(QUIET_MS)
  await page.evaluate(axe.source)
  const results = await page.evaluate<AxeResults>('axe.run()')
  await page.context().close()
  const ids = results.violations.map(({ id }) => id)
  return {
    name: `axe violations of the ${judged.name}`,
    value: ids.length,
    unit: '',
    atMost: 0,
    ...(ids.length > 0 ? { terms: ids.join(', ') } : {}),
  }
}

async function lighthouse(origin: string, judged: JudgedPage, dir: string): Promise<Figure[]> {
  const categories = Object.keys(judged.scores)
  const reportFile = join(dir, 'lighthouse.json')
  const flags = [
    ...['--quiet', '--output=json', `--output-path=${reportFile}`],
    `--only-categories=${categories.join(',')}`,
    '--chrome-flags=--headless=new --no-sandbox --disable-gpu',
    ...(judged.cookie === undefined
      ? []
      : [`--extra-headers=${JSON.stringify({ Cookie: judged.cookie })}`]),
  ]
  try {
    await execute(LIGHTHOUSE, [`${origin}${judged.path}`, ...flags], {
      env: { ...process.env, CHROME_PATH: CHROMIUM, LC_ALL: 'C.UTF-8' },
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return [
      {
        name: `Lighthouse of the ${judged.name}`,
        missing:
          'no command lighthouse (npm install --global lighthouse), nor one named by LIGHTHOUSE',
      },
    ]
  }
  const report = JSON.parse(await readFile(reportFile, 'utf8')) as {
    lighthouseVersion: string
    categories: Record<string, { auditRefs: { id: string; weight: number }[] }>
    audits: Record<string, { score: number | null }>
  }
  return categories.map((category) => {
    const audits = (report.categories[category]?.auditRefs ?? [])
      .filter(({ id, weight }) => weight > 0 && !NOT_JUDGED.includes(id))
      .map(({ id, weight }) => ({ id, weight, score: report.audits[id]?.score ?? 1 }))
    const weights = audits.reduce((sum, { weight }) => sum + weight, 0)
    const score = audits.reduce((sum, audit) => sum + audit.weight * audit.score, 0) / weights
    const below = audits.filter((audit) => audit.score < 1).map(({ id }) => id)
    const terms = [
      `Lighthouse ${report.lighthouseVersion}, mobile, without ${NOT_JUDGED.join(', ')}`,
      ...(below.length > 0 ? [`below 1: ${below.join(', ')}`] : []),
    ]
    return {
      name: `Lighthouse of the ${judged.name}: ${category}`,
      value: Math.round(score * 100),
      unit: '',
      ...(judged.scores[category] === undefined ? {} : { atLeast: judged.scores[category] }),
      terms: terms.join('; '),
    }
  })
}
