from . import api_auth, api_dashboard, api_farm, api_orders, api_products, farm
