"""The Logs Insights query language: the commands fields, display, filter, parse, stats, sort, limit and dedup.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""
