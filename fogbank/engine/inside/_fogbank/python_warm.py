"""What the AWS SDK computes again in every process, computed once in the zygote: parsed models, directory scans,
signatures of its own functions. Answers are the same; functions with an SDK of their own get a zygote without this.
"""

import functools

_SERVICES = ("dynamodb", "s3", "sqs", "sns", "ssm", "sts", "lambda", "secretsmanager", "events", "stepfunctions")
_CONTEXTS = 6


class Warmer:
    """Patches the SDK at once; then `step()` loads one more thing, until it returns False."""

    def __init__(self):
        self._todo = []
        try:
            import botocore.session

            _patch_loaders()
            _patch_hooks()
            self._contexts = _patch_tls()
            self._session = botocore.session.Session()
            self._todo = [self._client(name) for name in _SERVICES] + [self._contexts]
        except (ImportError, AttributeError, TypeError):
            self._todo = []

    def _client(self, service):
        def load():
            self._session.create_client(
                service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
            )
            if service == "dynamodb":
                _resource_models()

        return load

    def step(self):
        if not self._todo:
            return False
        try:
            self._todo.pop(0)()
        except Exception:
            pass
        return bool(self._todo)


def _resource_models():
    import boto3

    boto3.session.Session(region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").resource("dynamodb")


def _patch_loaders():
    from botocore import loaders

    files = {}
    load_file = loaders.JSONFileLoader.load_file

    def cached_load_file(self, file_path):
        if file_path not in files:
            found = load_file(self, file_path)
            if found is None:
                return None
            files[file_path] = found
        return files[file_path]

    loaders.JSONFileLoader.load_file = cached_load_file
    for name in ("list_available_services", "determine_latest_version", "list_api_versions", "load_service_model"):
        setattr(loaders.Loader, name, _by_search_path(getattr(loaders.Loader, name)))


def _by_search_path(method):
    """A cache that all loaders of the same directories share. Lists are copied: callers may change them."""
    known = {}

    @functools.wraps(method)
    def cached(self, *args, **kwargs):
        key = (tuple(self.search_paths), args, tuple(sorted(kwargs.items())))
        try:
            found = known.get(key)
        except TypeError:
            return method(self, *args, **kwargs)
        if found is None:
            found = known[key] = method(self, *args, **kwargs)
        return list(found) if isinstance(found, list) else found

    return cached


def _patch_hooks():
    from botocore import hooks

    known = {}
    accepts_kwargs = hooks.accepts_kwargs

    def cached_accepts_kwargs(function):
        # Bound methods are made anew at each look-up: the function below them is what has the signature.
        base = getattr(function, "__func__", function)
        try:
            found = known.get(base)
        except TypeError:
            return accepts_kwargs(function)
        if found is None:
            found = accepts_kwargs(function)
            if getattr(base, "__module__", "").startswith(("botocore", "boto3", "s3transfer")):
                known[base] = found
        return found

    hooks.accepts_kwargs = cached_accepts_kwargs
    names = {}
    alias = hooks.EventAliaser._alias_event_name

    def cached_alias(self, event_name):
        if self._event_aliases is not hooks.EVENT_ALIASES:
            return alias(self, event_name)
        if event_name not in names:
            found = alias(self, event_name)
            if len(names) > 10000:
                return found
            names[event_name] = found
        return names[event_name]

    if hasattr(hooks, "EVENT_ALIASES"):
        hooks.EventAliaser._alias_event_name = cached_alias


def _patch_tls():
    """Contexts made ahead, each handed out once: making one takes a millisecond or more."""
    from botocore import httpsession

    make = httpsession.create_urllib3_context
    stock = []

    def from_stock(*args, **kwargs):
        if stock and not args and not kwargs:
            return stock.pop()
        return make(*args, **kwargs)

    def fill():
        while len(stock) < _CONTEXTS:
            stock.append(make())

    httpsession.create_urllib3_context = from_stock
    return fill
