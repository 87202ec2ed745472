"""What is remembered: tables, the write side and the read side."""

from .audited import AuditRow as AuditRow
from .database import Database as Database
from .models import EventRow as EventRow
from .models import LogRow as LogRow
from .models import ObjectRow as ObjectRow
from .models import Workflow as Workflow
from .queries import Queries as Queries
from .sql import SQLStore as SQLStore
