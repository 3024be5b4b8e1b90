"""How AWS services are called in signatures, host names and request headers, where that is not botocore's name."""

from __future__ import annotations

BY_SIGNING_NAME = {
    "IoTSecuredTunneling": "iotsecuretunneling", "access-analyzer": "accessanalyzer", "airflow": "mwaa",
    "airflow-serverless": "mwaa-serverless", "aoss": "opensearchserverless", "app-integrations": "appintegrations",
    "application-cost-profiler": "applicationcostprofiler", "applicationinsights": "application-insights",
    "aps": "amp", "awsssoportal": "sso", "backup-search": "backupsearch", "cases": "connectcases",
    "cassandra": "keyspaces", "cleanrooms-ml": "cleanroomsml", "cloudcontrolapi": "cloudcontrol",
    "codeguru-profiler": "codeguruprofiler", "connect-campaigns": "connectcampaigns",
    "elasticfilesystem": "efs", "elasticloadbalancing": "elb", "elasticmapreduce": "emr",
    "email": "ses", "execute-api": "apigatewaymanagementapi", "geo": "location", "iotdata": "iot-data",
    "iotmanagedintegrations": "iot-managed-integrations", "launchwizard": "launch-wizard", "lex": "lexv2-models",
    "migrationhub-orchestrator": "migrationhuborchestrator", "migrationhub-strategy": "migrationhubstrategy",
    "mobiletargeting": "pinpoint", "monitoring": "cloudwatch", "mturk-requester": "mturk",
    "neptune-db": "neptunedata", "notifications-contacts": "notificationscontacts", "profile": "customer-profiles",
    "refactor-spaces": "migration-hub-refactor-spaces", "s3-object-lambda": "s3", "s3-outposts": "s3outposts",
    "s3express": "s3", "scn": "supplychain", "servicequotas": "service-quotas",
    "social-messaging": "socialmessaging", "sso": "sso-admin", "sso-oauth": "sso-oidc", "states": "stepfunctions",
    "supportapp": "support-app", "tagging": "resourcegroupstaggingapi", "tax": "taxsettings",
    "thinclient": "workspaces-thin-client", "timestream": "timestream-write", "voiceid": "voice-id",
}
"""For signing names that several services share, the one that is meant unless the request says otherwise."""

BY_ENDPOINT = {
    "api.ecr": "ecr", "api.ecr-public": "ecr-public", "api.pricing": "pricing", "api.sagemaker": "sagemaker",
    "aps": "amp", "autoscaling": "autoscaling", "cloudcontrolapi": "cloudcontrol", "cognito-identity":
    "cognito-identity", "cognito-idp": "cognito-idp", "data-ats.iot": "iot-data", "data.iot": "iot-data",
    "ddb": "dynamodb", "elasticfilesystem": "efs", "elasticloadbalancing": "elb", "elasticmapreduce": "emr",
    "email": "ses", "entitlement.marketplace": "marketplace-entitlement", "geo": "location",
    "ingest.timestream": "timestream-write", "metering.marketplace": "meteringmarketplace", "monitoring":
    "cloudwatch", "oidc": "sso-oidc", "portal.sso": "sso", "query.timestream": "timestream-query", "queue": "sqs",
    "rds": "rds", "runtime.sagemaker": "sagemaker-runtime", "s3-control": "s3control", "servicequotas":
    "service-quotas", "states": "stepfunctions", "streaming-logs": "logs", "streams.dynamodb": "dynamodbstreams",
    "sync-states": "stepfunctions", "tagging": "resourcegroupstaggingapi",
    **{name: name for name in (
        "acm", "apigateway", "appconfig", "appsync", "athena", "batch", "cloudformation", "cloudfront", "cloudtrail",
        "codebuild", "codedeploy", "codepipeline", "config", "dynamodb", "ec2", "ecs", "eks", "elasticache", "events",
        "firehose", "glue", "iam", "iot", "kafka", "kinesis", "kms", "lambda", "logs", "opensearch", "organizations",
        "pipes", "redshift", "resource-groups", "route53", "s3", "scheduler", "secretsmanager", "ses", "sns", "sqs",
        "ssm", "sts", "swf", "transcribe", "wafv2", "xray",
    )},
}
"""The first part of a service's host name. Elsewhere than under amazonaws.com only these are taken for services."""

BY_TARGET = {
    "AWSCognitoIdentityProviderService": "cognito-idp", "AWSCognitoIdentityService": "cognito-identity",
    "AWSEvents": "events", "AWSGlue": "glue", "AWSOrganizationsV20161128": "organizations",
    "AWSSecurityTokenServiceV20110615": "sts", "AWSStepFunctions": "stepfunctions", "AmazonAthena": "athena",
    "AmazonEC2ContainerRegistry_V20150921": "ecr", "AmazonEC2ContainerServiceV20141113": "ecs", "AmazonSQS": "sqs",
    "AmazonSSM": "ssm", "CertificateManager": "acm", "CloudTrail_20131101": "cloudtrail",
    "DynamoDBStreams_20120810": "dynamodbstreams", "DynamoDB_20120810": "dynamodb", "Firehose_20150804": "firehose",
    "GraniteServiceVersion20100801": "cloudwatch", "KinesisAnalytics_20150814": "kinesisanalytics",
    "KinesisAnalytics_20180523": "kinesisanalyticsv2", "Kinesis_20131202": "kinesis", "Logs_20140328": "logs",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi", "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
"""The part of `X-Amz-Target` before the dot."""

BY_VERSION = {
    "2010-03-31": "sns", "2010-05-08": "iam", "2010-05-15": "cloudformation", "2010-08-01": "cloudwatch",
    "2010-12-01": "ses", "2011-01-01": "autoscaling", "2011-06-15": "sts", "2012-06-01": "elb", "2012-11-05": "sqs",
    "2014-10-31": "rds", "2015-02-02": "elasticache", "2015-12-01": "elbv2", "2016-11-15": "ec2",
}
"""`Version` of the query and ec2 protocols."""

QUERY = frozenset((
    "autoscaling", "cloudformation", "cloudfront", "cloudsearch", "cloudwatch", "docdb", "elasticache",
    "elasticbeanstalk", "elb", "elbv2", "iam", "importexport", "neptune", "rds", "redshift", "route53", "sdb", "ses",
    "sns", "sqs", "sts",
))
"""Services that name errors as the query protocol does, unless asked in another protocol."""
