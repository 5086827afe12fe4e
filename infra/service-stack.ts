/** What runs, on one screen: every function, what wakes it and what it may touch. */
import { Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { ENV } from '../shared/platform/env-names.ts'
import { DueSweep } from './constructs/due-sweep.ts'
import type { FunctionName } from './constructs/function-list.ts'
import { HttpApi } from './constructs/http-api.ts'
import { IntakeRule } from './constructs/intake-rule.ts'
import { IntakeSwitch } from './constructs/intake-switch.ts'
import { letReadOrigin } from './constructs/origin-parameter.ts'
import { letCallProviders } from './constructs/provider-access.ts'
import { ServiceFunction } from './constructs/service-function.ts'
import { WorkQueue } from './constructs/work-queue.ts'
import type { DataStack } from './data-stack.ts'
import type { Stage } from './stages.ts'

interface ServiceStackProps extends StackProps {
  stage: Stage
  data: DataStack
  functionsDir: string
}

export class ServiceStack extends Stack {
  readonly api: HttpApi

  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    super(scope, id, props)
    const { stage, data, functionsDir } = props
    const { records, staging } = data
    const fn = (name: FunctionName) => new ServiceFunction(this, { stage, name, functionsDir })
    // A delivery hands on to its own continuation; a hop counter in the upload bounds it.
    const worker = (name: FunctionName) =>
      new ServiceFunction(this, { stage, name, functionsDir, continuesItself: true })

    const auth = fn('auth')
    const connect = fn('connect')
    const accounts = fn('accounts')
    const portals = fn('portals')
    const uploads = fn('uploads')
    const events = fn('events')
    const settings = fn('settings')
    const publicPortals = fn('public-portals')
    const clientUploads = fn('client-uploads')
    const takeIn = fn('take-in-upload')
    const deliverSmall = worker('deliver-small')
    const deliverLarge = worker('deliver-large')
    const restageDownload = worker('restage-download')
    const tendAccount = fn('tend-account')
    const sweepDue = fn('sweep-due')

    const intake = new WorkQueue(this, 'Intake', {
      stage,
      name: 'intake',
      worker: takeIn,
      urlEnv: ENV.intakeQueueUrl,
      batchSize: 10,
      maximumConcurrency: stage.concurrency.intake,
      lateAfterSeconds: 300,
    })
    const smallDelivery = new WorkQueue(this, 'SmallDelivery', {
      stage,
      name: 'small-delivery',
      worker: deliverSmall,
      urlEnv: ENV.smallDeliveryQueueUrl,
      batchSize: 10,
      maximumConcurrency: stage.concurrency.smallDelivery,
      lateAfterSeconds: 900,
    })
    const largeDelivery = new WorkQueue(this, 'LargeDelivery', {
      stage,
      name: 'large-delivery',
      worker: deliverLarge,
      urlEnv: ENV.largeDeliveryQueueUrl,
      batchSize: 1,
      maximumConcurrency: stage.concurrency.largeDelivery,
      lateAfterSeconds: 3600,
    })
    const downloads = new WorkQueue(this, 'Downloads', {
      stage,
      name: 'downloads',
      worker: restageDownload,
      urlEnv: ENV.downloadQueueUrl,
      batchSize: 1,
      maximumConcurrency: stage.concurrency.downloads,
      lateAfterSeconds: 900,
    })
    const accountKeeping = new WorkQueue(this, 'AccountKeeping', {
      stage,
      name: 'account-keeping',
      worker: tendAccount,
      urlEnv: ENV.accountQueueUrl,
      batchSize: 10,
      maximumConcurrency: stage.concurrency.accountKeeping,
      lateAfterSeconds: 900,
    })
    new IntakeRule(this, 'ObjectCreated', { stage, staging, intake })
    new DueSweep(this, 'DueSweep', { stage, sweep: sweepDue })

    const apiFunctions = {
      auth,
      connect,
      accounts,
      portals,
      uploads,
      events,
      settings,
      'public-portals': publicPortals,
      'client-uploads': clientUploads,
    }
    this.api = new HttpApi(this, 'HttpApi', { stage, functions: apiFunctions })
    for (const apiFunction of Object.values(apiFunctions)) {
      data.originVerify.letRead(apiFunction)
      letReadOrigin(apiFunction, stage)
    }

    records.letChange(auth, ['user', 'login', 'session', 'state'])
    records.letAdd(auth, ['event'])
    letCallProviders(auth, data)
    auth.setEnv(ENV.signUp, stage.signUp)
    auth.setEnv(ENV.signUpAllowList, stage.signUpAllowList.join(','))

    records.letRead(connect, ['session', 'user'])
    records.letChange(connect, ['state', 'account', 'grant', 'identity', 'event', 'portal'])
    records.letList(connect, 'byOwner', ['accounts'])
    letCallProviders(connect, data)
    data.grantKey.letWrap(connect)
    records.letList(connect, 'byAccount', ['portals'])

    records.letRead(accounts, ['session', 'user', 'login'])
    records.letChange(accounts, ['account', 'grant', 'identity', 'portal', 'event', 'rate'])
    records.letList(accounts, 'byOwner', ['accounts', 'logins', 'grants'])
    letCallProviders(accounts, data)
    data.grantKey.letWrap(accounts)
    records.letList(accounts, 'byAccount', ['portals'])

    records.letRead(portals, ['session', 'account'])
    records.letChange(portals, ['portal', 'places', 'slug', 'event', 'rate'])
    records.letList(portals, 'byOwner', ['portals'])

    records.letRead(uploads, ['session'])
    records.letChange(uploads, [
      'account',
      'grant',
      'portal',
      'submission',
      'upload',
      'delivery',
      'name',
      'event',
      'download',
      'places',
      'cap',
    ])
    records.letList(uploads, 'byOwner', ['uploads'])
    records.letList(uploads, 'byPortal', ['uploads'])
    records.letList(uploads, 'byAccount', ['uploads', 'portals'])
    records.letList(uploads, 'byClient', ['uploads', 'submissions'])
    letCallProviders(uploads, data)
    data.grantKey.letWrap(uploads)
    staging.letHandOut(uploads)
    staging.letDiscard(uploads)
    downloads.letSend(uploads)

    records.letRead(events, ['session'])
    records.letList(events, 'byOwner', ['events'])

    records.letRead(settings, ['session'])
    records.letChange(settings, ['user', 'event'])

    records.letRead(publicPortals, ['slug', 'portal', 'account', 'places'])
    records.letChange(publicPortals, ['rate'])
    data.portalKey.letRead(publicPortals)

    records.letRead(clientUploads, ['portal', 'account'])
    records.letChange(clientUploads, [
      'submission',
      'upload',
      'signing',
      'places',
      'cap',
      'address',
      'rate',
    ])
    records.letAdd(clientUploads, ['event'])
    records.letList(clientUploads, 'byPortal', ['uploads'])
    // Room that nobody uses is looked for in the whole deployment when its day is used up.
    records.letList(clientUploads, 'byDue', ['due'])
    data.portalKey.letRead(clientUploads)
    new IntakeSwitch(this, 'IntakeSwitch', { stage }).letRead(clientUploads)
    const { limits } = stage
    clientUploads.setEnv(ENV.openSubmissionsPerAddress, String(limits.openSubmissionsPerAddress))
    clientUploads.setEnv(ENV.portalDailyFiles, String(limits.portalDailyFiles))
    clientUploads.setEnv(ENV.portalDailyBytes, String(limits.portalDailyBytes))
    clientUploads.setEnv(ENV.deploymentDailyFiles, String(limits.deploymentDailyFiles))
    clientUploads.setEnv(ENV.deploymentDailyBytes, String(limits.deploymentDailyBytes))
    staging.letReceive(clientUploads)
    data.writeKey.letRead(clientUploads)
    data.readKey.letRead(clientUploads)

    records.letChange(takeIn, ['upload', 'delivery', 'name', 'event', 'places', 'cap'])
    staging.letTakeIn(takeIn)
    smallDelivery.letSend(takeIn)
    largeDelivery.letSend(takeIn)

    for (const [deliver, queue] of [
      [deliverSmall, smallDelivery],
      [deliverLarge, largeDelivery],
    ] as const) {
      records.letChange(deliver, [
        'upload',
        'delivery',
        'account',
        'grant',
        'portal',
        'folder',
        'name',
        'event',
        'places',
        'cap',
      ])
      letCallProviders(deliver, data)
      data.grantKey.letWrap(deliver)
      // A grant that the provider refuses stops the portals of its account.
      records.letList(deliver, 'byAccount', ['portals'])
      staging.letDeliver(deliver)
      queue.letSend(deliver)
      deliver.setEnv(ENV.workSliceSeconds, String(stage.workSliceSeconds))
    }

    records.letChange(restageDownload, [
      'upload',
      'account',
      'grant',
      'download',
      'portal',
      'event',
    ])
    records.letList(restageDownload, 'byAccount', ['portals'])
    letCallProviders(restageDownload, data)
    data.grantKey.letWrap(restageDownload)
    staging.letRestage(restageDownload)
    downloads.letSend(restageDownload)
    restageDownload.setEnv(ENV.workSliceSeconds, String(stage.workSliceSeconds))

    records.letChange(tendAccount, ['account', 'grant', 'portal', 'delivery', 'event'])
    records.letList(tendAccount, 'byAccount', ['portals', 'held'])
    letCallProviders(tendAccount, data)
    data.grantKey.letWrap(tendAccount)

    records.letList(sweepDue, 'byDue', ['due'])
    records.letChange(sweepDue, ['upload', 'delivery', 'account'])
    accountKeeping.letSend(sweepDue)
    intake.letSend(sweepDue)
    smallDelivery.letSend(sweepDue)
    largeDelivery.letSend(sweepDue)
  }
}
