"""What a halted object may ask of a person."""

from .approval import Approval as Approval
from .core import Action as Action
from .core import Resolution as Resolution
