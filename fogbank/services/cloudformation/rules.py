"""The Rules of a template: parameters that must fit together.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fogbank.services.cloudformation import functions
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.functions import text
from fogbank.services.cloudformation.intrinsics import Evaluator


def check_rules(rules: Mapping[str, Any], evaluator: Evaluator) -> None:
    """The template's Rules: parameters that do not fit together. Raises AwsError(`ValidationError`)."""
    for name, rule in rules.items():
        if not isinstance(rule, dict) or ("RuleCondition" in rule and not _rule_truth(rule["RuleCondition"], evaluator)):
            continue
        for assertion in rule.get("Assertions") or []:
            if isinstance(assertion, dict) and not _rule_truth(assertion.get("Assert"), evaluator):
                described = assertion.get("AssertDescription", f"Assertion of rule {name} failed")
                raise validation(f"Template Error: Rule {name} failed: {described}")


def _rule_truth(node: Any, evaluator: Evaluator) -> bool:
    """Rules have functions of their own beside the logic of conditions; the rule-specific ones about lists are here."""
    if isinstance(node, dict) and len(node) == 1:
        name, argument = next(iter(node.items()))
        if name == "Fn::Contains" and isinstance(argument, list) and len(argument) == 2:
            items, item = (evaluator.value(part) for part in argument)
            return isinstance(items, list) and text(item) in [text(one) for one in items]
        if name in ("Fn::EachMemberEquals", "Fn::EachMemberIn") and isinstance(argument, list) and len(argument) == 2:
            items, allowed = (evaluator.value(part) for part in argument)
            choices = allowed if isinstance(allowed, list) else [allowed]
            return isinstance(items, list) and all(text(one) in [text(c) for c in choices] for one in items)
        if name in ("Fn::And", "Fn::Or"):
            answers = [_rule_truth(item, evaluator) for item in functions.operands(name, argument)]
            return all(answers) if name == "Fn::And" else any(answers)
        if name == "Fn::Not" and isinstance(argument, list) and len(argument) == 1:
            return not _rule_truth(argument[0], evaluator)
    return evaluator.truth(node)
