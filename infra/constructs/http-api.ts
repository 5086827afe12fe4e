/** The HTTP API behind CloudFront: the route table of `routes.ts`, access logs without query strings. */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import * as apigateway from 'aws-cdk-lib/aws-apigateway'
import * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { Stage } from '../stages.ts'
import { API_FUNCTION_NAMES, type ApiFunctionName, ROUTES } from './routes.ts'
import { ServiceAlarm } from './service-alarm.ts'
import type { ServiceFunction } from './service-function.ts'

interface HttpApiProps {
  stage: Stage
  functions: Record<ApiFunctionName, ServiceFunction>
}

export class HttpApi extends Construct {
  readonly apiId: string

  constructor(scope: Construct, id: string, { stage, functions }: HttpApiProps) {
    super(scope, id)
    const api = new apigatewayv2.HttpApi(this, 'Api', {
      apiName: `portage-${stage.name}`,
      createDefaultStage: false,
    })
    this.apiId = api.apiId
    for (const name of API_FUNCTION_NAMES) {
      // One permission per function: a permission per route overflows a function's 20 KB policy.
      const integration = new HttpLambdaIntegration(name, functions[name].lambda, {
        scopePermissionToRoute: false,
      })
      for (const routeKey of ROUTES[name]) {
        const [method, path] = routeKey.split(' ') as [apigatewayv2.HttpMethod, string]
        api.addRoutes({ path, methods: [method], integration })
      }
    }
    const accessLog = new logs.LogGroup(this, 'AccessLog', {
      logGroupName: `/portage/${stage.name}/api-access`,
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    new apigatewayv2.HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: {
        destination: new apigatewayv2.LogGroupLogDestination(accessLog),
        // `path` has no query string: OAuth codes and states travel there.
        format: apigateway.AccessLogFormat.custom(
          JSON.stringify({
            requestId: '$context.requestId',
            time: '$context.requestTimeEpoch',
            method: '$context.httpMethod',
            route: '$context.routeKey',
            path: '$context.path',
            status: '$context.status',
            latencyMs: '$context.responseLatency',
            responseBytes: '$context.responseLength',
            integrationError: '$context.integrationErrorMessage',
          }),
        ),
      },
    })
    new ServiceAlarm(this, 'Failing', {
      stage,
      name: 'api-failing',
      severity: 'high',
      means: 'More than 5 API requests in 5 minutes were answered with a 5xx, twice in a row.',
      metric: api.metricServerError({ period: Duration.minutes(5), statistic: 'sum' }),
      above: 5,
      periods: 2,
    })
    Validations.of(api).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'Owner sessions and client capabilities are checked by the functions, against the table; some routes are public by design.',
    })
  }
}
