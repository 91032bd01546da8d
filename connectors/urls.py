from django.urls import path

from connectors.views import agent, agent_acts, agent_tokens, agents, connections, setting_up

app_name = "connectors"
urlpatterns = [
    path("admin/connections/", connections.connection_list, name="connections"),
    path("admin/connections/new/<slug:kind>/", setting_up.new_connection, name="new_connection"),
    path("admin/connections/<int:pk>/", connections.connection, name="connection"),
    path("admin/connections/<int:pk>/check/", connections.check_connection, name="check_connection"),
    path("admin/connections/<int:pk>/edit/", setting_up.edit_connection, name="edit_connection"),
    path("admin/connections/<int:pk>/switch/", setting_up.switch_connection, name="switch_connection"),
    path("admin/connections/<int:pk>/delete/", setting_up.remove_connection, name="delete_connection"),
    path("admin/agents/", agents.agent_list, name="agents"),
    path("admin/agents/agents.csv", agents.agents_csv, name="agents_csv"),
    path("admin/agents/tokens/", agent_tokens.token_list, name="agent_tokens"),
    path("admin/agents/tokens/new/", agent_tokens.new_token, name="new_agent_token"),
    path("admin/agents/tokens/<int:pk>/withdraw/", agent_tokens.withdraw, name="withdraw_agent_token"),
    path("admin/agents/isolation/", agent_tokens.policy_list, name="agent_policies"),
    path("admin/agents/isolation/<int:pk>/", agent_tokens.edit_policy, name="edit_agent_policy"),
    path("admin/agents/decide/<slug:way>/", agent_acts.decide_agents, name="decide_agents"),
    path("admin/agents/<int:pk>/", agent.agent, name="agent"),
    path("admin/agents/<int:pk>/state/", agent.agent_state, name="agent_state"),
    path("admin/agents/<int:pk>/inventory/", agent.agent_inventory, name="agent_inventory"),
    path("admin/agents/<int:pk>/believe/", agent_acts.believe_agent, name="believe_agent"),
    path("admin/agents/<int:pk>/insist/", agent_acts.insist_on_agent, name="insist_on_agent"),
    path("admin/agents/<int:pk>/new-key/", agent_acts.new_agent_key, name="new_agent_key"),
    path("admin/agents/<int:pk>/release/", agent_acts.release_agent, name="release_agent"),
    path("admin/agents/<int:pk>/release/<int:order_id>/", agent_acts.release_code, name="release_code"),
]
