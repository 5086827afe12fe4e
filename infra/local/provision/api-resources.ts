/** HTTP APIs with their routes; each route needs a permission to invoke its function, as at AWS. */
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import type { HttpRoute } from '../http-api/http-api-types.ts'
import { functionNameOf } from '../lambda/invocation.ts'
import type { ResolvedResource } from '../template/resolve-stacks.ts'
import { failureOf } from '../template/template-error.ts'
import { mayInvoke } from './function-resources.ts'
import type { Provisioning } from './provisioning.ts'
import { requiredText, textOf } from './resource-type.ts'

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const DEFAULT_TIMEOUT_MS = 30_000
const STAGE = '$default'

export function createApi(resource: ResolvedResource, cloud: Provisioning): void {
  const fail = failureOf(resource)
  if (resource.properties['ProtocolType'] !== 'HTTP') {
    throw fail(`protocol ${String(resource.properties['ProtocolType'])} is not HTTP`)
  }
  const ofApi = (type: string) =>
    cloud.ofType(type).filter(({ properties }) => properties['ApiId'] === resource.ref)
  const stages = ofApi('AWS::ApiGatewayV2::Stage')
  if (stages.length !== 1 || stages[0]?.ref !== STAGE) {
    throw fail(`needs exactly one stage, ${STAGE}`)
  }
  const integrations = ofApi('AWS::ApiGatewayV2::Integration')
  cloud.apis.push({
    apiId: resource.ref,
    domainName: `${resource.ref}.execute-api.${LOCAL_REGION}.amazonaws.com`,
    routes: ofApi('AWS::ApiGatewayV2::Route').map((route) => routeOf(route, integrations, cloud)),
  })
}

function routeOf(
  route: ResolvedResource,
  integrations: ResolvedResource[],
  cloud: Provisioning,
): HttpRoute {
  const fail = failureOf(route)
  const routeKey = requiredText(route, 'RouteKey')
  const authorization = textOf(route, 'AuthorizationType') ?? 'NONE'
  if (authorization !== 'NONE') throw fail(`unknown authorization ${authorization}`)
  const integration = integrations.find(
    ({ ref }) => textOf(route, 'Target') === `integrations/${ref}`,
  )
  if (integration === undefined) throw fail(`${routeKey} has no integration`)
  if (
    integration.properties['IntegrationType'] !== 'AWS_PROXY' ||
    integration.properties['PayloadFormatVersion'] !== '2.0'
  ) {
    throw failureOf(integration)('is not a Lambda proxy of payload format 2.0')
  }
  const functionName = functionNameOf(requiredText(integration, 'IntegrationUri'))
  const sourceArn = sourceArnOf(requiredText(route, 'ApiId'), routeKey)
  if (!mayInvoke('apigateway.amazonaws.com', functionName, sourceArn, cloud)) {
    throw fail(`no AWS::Lambda::Permission lets ${routeKey} invoke ${functionName}`)
  }
  return {
    routeKey,
    functionName,
    timeoutMs: Number(integration.properties['TimeoutInMillis'] ?? DEFAULT_TIMEOUT_MS),
  }
}

/** The ARN by which API Gateway names a route when it invokes a function. */
function sourceArnOf(apiId: string, routeKey: string): string {
  const [method = '', path = ''] = routeKey === STAGE ? ['*', '/*'] : routeKey.split(' ')
  const api = `arn:aws:execute-api:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:${apiId}`
  return `${api}/${STAGE}/${method === 'ANY' ? '*' : method}${path}`
}
