from . import dairy_animal
from . import dairy_api_token
from . import dairy_milk_record
from . import dairy_subscription_plan
from . import dairy_subscription
from . import ir_http
from . import sale_order
