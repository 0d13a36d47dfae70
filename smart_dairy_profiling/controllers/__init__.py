from . import database_export, profiles
